import { Link, useNavigate } from '@tanstack/react-router'
import { Bug, RotateCw, Ticket } from 'lucide-react'
import { useEffect } from 'react'
import { Badge, Button, buttonClass, EmptyState, PageHeader, RelativeTime, SearchBox, Select, Table } from '~/parts'
import { ok, useSession } from '~/session'
import { usePages } from '~/session/pages'
import { useCommands } from '~/shell/commands'
import { useQueryParam } from '~/shell/query'
import { useKeyNames, usePeople } from '../keys/read'
import { snippets } from './data'
import { PassSheet } from './token'
import { madeHow } from './tree'

export default function Tokens() {
  const { org, api, payload } = useSession()
  const navigate = useNavigate()
  const people = usePeople()
  const keys = useKeyNames()
  const [chosen, setChosen] = useQueryParam('token')
  const [typed, setTyped] = useQueryParam('q')
  const [key, setKey] = useQueryParam('key')
  const [user, setUser] = useQueryParam('user')

  const passes = usePages([org, 'tokens', 'list', key, user], (cursor, signal) =>
    ok(api.GET('/v1/organizations/{org}/tokens', { params: { path: { org }, query: { ...cursor, limit: 100, ...(key && { key }), ...(user && { user }) } }, signal })))
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  const rows = passes.rows.filter((pass) => {
    const text = [pass.id, pass.subject, people.name(pass.subject), keys.name(pass.key), pass.origin, pass.from?.address, ...pass.scopes, ...pass.roles, ...pass.audience, ...pass.ips].join(' ').toLowerCase()
    return words.every((word) => text.includes(word))
  })
  const { more, onMore, error } = passes
  const searching = rows.length === 0 && words.length > 0 && more && !error
  useEffect(() => {
    if (searching) onMore()
    // onMore is a new function at each render; the rows say that a page has come.
  }, [searching, passes.rows.length])

  const all = () => void navigate({ to: '/o/$org/tokens', params: { org } })
  useCommands(
    [
      { id: 'tokens.own', title: 'Show the pass of this login', keywords: 'token mine session', run: () => setChosen(payload.jti) },
      { id: 'tokens.all', title: 'Show all live passes', keywords: 'tokens filter', run: all },
    ],
    [org, payload.jti, setChosen],
  )

  const filtered = words.length > 0 || key !== '' || user !== ''
  return (
    <>
      <PageHeader
        title="Passes"
        description="What programs and people are let in by now, the newest first. The text of a pass is kept nowhere."
        actions={
          <>
            <Button icon={RotateCw} onClick={passes.retry}>
              Read again
            </Button>
            <Link to="/o/$org/debugger" params={{ org }} className={buttonClass()}>
              <Bug aria-hidden className="size-4" />
              Debug one
            </Link>
          </>
        }
      />
      <div className="mb-3 flex flex-wrap gap-2">
        <SearchBox label="Search passes" value={typed} onChange={setTyped} />
        <Select aria-label="Key" value={key} onChange={(event) => setKey(event.target.value)} className="w-full sm:w-56">
          <option value="">Of every key</option>
          {key && !keys.keys.some((one) => one.id === key) && <option value={key}>{key}</option>}
          {keys.keys.map((one) => (
            <option key={one.id} value={one.id}>
              {one.comment || one.id}
            </option>
          ))}
        </Select>
        <Select aria-label="User" value={user} onChange={(event) => setUser(event.target.value)} className="w-full sm:w-56">
          <option value="">Of everybody</option>
          {user && !people.users.some((one) => one.id === user) && <option value={user}>{user}</option>}
          {people.users.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name || one.email || one.id}
            </option>
          ))}
        </Select>
      </div>
      <Table
        label="Live passes"
        {...passes}
        loading={passes.loading || searching}
        rows={rows}
        rowKey={(pass) => pass.id}
        onOpen={(pass) => setChosen(pass.id)}
        empty={
          filtered ? (
            <EmptyState icon={Ticket} title="No live pass is like that" action={<Button onClick={all}>Show all passes</Button>} />
          ) : (
            <EmptyState icon={Ticket} title="No pass lives" snippets={snippets(location.origin, org)}>
              Programs make passes from their keys, and each shows here until it ends.
            </EmptyState>
          )
        }
        columns={[
          {
            id: 'subject',
            header: 'Speaks for',
            cell: (pass) => (
              <span className="flex min-w-0 items-center gap-2">
                <span className="min-w-0">
                  <span className="block truncate font-medium">{people.name(pass.subject)}</span>
                  <span className="block truncate text-xs text-muted">{pass.key ? keys.name(pass.key) || 'a key without a comment' : 'an outside issuer'}</span>
                </span>
                {pass.id === payload.jti && <Badge tone="info">yours, now</Badge>}
              </span>
            ),
          },
          {
            id: 'scopes',
            header: 'May do',
            width: '11rem',
            wide: true,
            cell: (pass) => (
              <span className="flex min-w-0 items-center gap-1.5">
                <code className="truncate font-mono text-xs">{pass.scopes[0] ?? 'nothing'}</code>
                {pass.scopes.length > 1 && <Badge>+{pass.scopes.length - 1}</Badge>}
              </span>
            ),
          },
          {
            id: 'audience',
            header: 'Good for',
            width: '10rem',
            wide: true,
            cell: (pass) => (
              <span className="block min-w-0">
                <code className="block truncate font-mono text-xs">{pass.audience.join(' ')}</code>
                <span className="block truncate text-xs text-muted">{pass.ips.length > 0 ? `from ${pass.ips.join(', ')}` : 'from anywhere'}</span>
              </span>
            ),
          },
          {
            id: 'made',
            header: 'Made',
            width: '13rem',
            wide: true,
            cell: (pass) => (
              <span className="block min-w-0" title={pass.from?.user_agent}>
                <span className="block truncate">
                  <RelativeTime time={pass.issued} />
                </span>
                <span className="block truncate text-xs text-muted">
                  {madeHow(pass.origin)}
                  {pass.from?.address && (
                    <>
                      {' · '}
                      <code className="font-mono">{pass.from.address}</code>
                    </>
                  )}
                </span>
              </span>
            ),
          },
          {
            id: 'left',
            header: 'Time left',
            width: '7.5rem',
            cell: (pass) => (
              <span className="block min-w-0">
                <span className="block truncate">
                  <RelativeTime time={pass.expires} />
                </span>
                {pass.renewable && <span className="block truncate text-xs text-muted">renewable</span>}
              </span>
            ),
          },
        ]}
      />
      <PassSheet id={chosen} listed={passes.rows.find((pass) => pass.id === chosen)} onOpen={setChosen} onClose={() => setChosen('')} />
    </>
  )
}
