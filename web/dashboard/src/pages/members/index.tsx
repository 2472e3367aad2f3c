import { PageHeader } from '~/parts'

export default function Members() {
  return <PageHeader title="Members" />
}
