import { PageHeader } from '~/parts'

export default function Usage() {
  return <PageHeader title="Usage" />
}
