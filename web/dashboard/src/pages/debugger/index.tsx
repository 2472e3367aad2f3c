import { PageHeader } from '~/parts'

export default function Debugger() {
  return <PageHeader title="Debugger" />
}
