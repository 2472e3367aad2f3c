import { PageHeader } from '~/parts'

export default function Device() {
  return <PageHeader title="Approve a device" />
}
