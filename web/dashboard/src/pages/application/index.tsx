import { PageHeader } from '~/parts'

export default function Application() {
  return <PageHeader title="Application" />
}
