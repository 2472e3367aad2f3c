import { PageHeader } from '~/parts'

export default function Setup() {
  return <PageHeader title="Set up" />
}
