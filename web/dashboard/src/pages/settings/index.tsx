import { PageHeader, type Tab, Tabs } from '~/parts'
import { useQueryParam } from '~/shell/query'
import { useMe } from '~/session/me'
import { Issuers } from './issuers'
import { Logins, Passkeys, usePasskeys } from './logins'
import { Networks } from './networks'
import { Organization } from './organization'
import { Plans } from './plans'
import { SigningKeys } from './signing-keys'
import { TokenDefaults } from './token-defaults'

export default function Settings() {
  const [tab, setTab] = useQueryParam('tab', 'organization')
  const me = useMe()
  const passkeys = usePasskeys()
  const administrator = me?.roles.includes('administrator') ?? false
  const tabs: Tab[] = [
    { id: 'organization', label: 'Organization', content: <Organization /> },
    { id: 'issuers', label: 'Issuers', content: <Issuers /> },
    { id: 'networks', label: 'IP lists', content: <Networks /> },
    { id: 'plans', label: 'Plans', content: <Plans /> },
    { id: 'passes', label: 'Pass defaults', content: <TokenDefaults /> },
    ...(administrator ? [{ id: 'keys', label: 'Signing keys', content: <SigningKeys /> }] : []),
    ...(passkeys.missing ? [] : [{ id: 'passkeys', label: 'Passkeys', content: <Passkeys /> }]),
    { id: 'logins', label: 'Logins', content: <Logins /> },
  ]
  const shown = tabs.some((one) => one.id === tab) ? tab : 'organization'
  return (
    <>
      <PageHeader title="Settings" description="Of the organization, of the server where you administer it, and your own." />
      <Tabs label="Settings" value={shown} onChange={setTab} tabs={tabs} />
    </>
  )
}
