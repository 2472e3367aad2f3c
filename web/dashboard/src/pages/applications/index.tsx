import { PageHeader } from '~/parts'

export default function Applications() {
  return <PageHeader title="Applications" />
}
