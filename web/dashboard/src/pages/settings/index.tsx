import { PageHeader } from '~/parts'

export default function Settings() {
  return <PageHeader title="Settings" />
}
