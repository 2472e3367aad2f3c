import { PageHeader } from '~/parts'

export default function Overview() {
  return <PageHeader title="Overview" />
}
