import { Ellipsis, KeyRound, Plus, RotateCw, Trash2 } from 'lucide-react'
import { useDeferredValue, useMemo, useState } from 'react'
import { Badge, Button, EmptyState, IconButton, Menu, PageHeader, RelativeTime, SearchBox, Table, toast } from '~/parts'
import { KeyOnce } from '~/parts/key-once'
import { ok, type Schemas, useSession } from '~/session'
import { useMe } from '~/session/me'
import { usePages } from '~/session/pages'
import { UserInput } from '~/session/user-input'
import { useCommands } from '~/shell/commands'
import { useQueryParam } from '~/shell/query'
import { CreateDialog } from './create'
import { type Act, Ends, KeySheet, KindBadge } from './key'
import { usePeople, useSample, useUsage } from './read'
import { createSnippets } from './snippets'
import { Sparkline } from './sparkline'
import { byDay } from './usage'

const days = 14

export default function Keys() {
  const { org, api } = useSession()
  const me = useMe()
  const people = usePeople()
  const [chosen, setChosen] = useQueryParam('key')
  const [typed, setTyped] = useQueryParam('q')
  const [owner, setOwner] = useQueryParam('user')
  const [creating, setCreating] = useQueryParam('new')
  const [act, setAct] = useState<Act>()
  const [created, setCreated] = useState<Schemas['KeyCreated']>()
  const [rolled, setRolled] = useState<Schemas['KeyCreated']>()
  const sample = useSample((created ?? rolled)?.scopes)
  const usage = useUsage(days)

  const wanted = useDeferredValue(typed.trim())
  const keys = usePages([org, 'keys', 'list', owner, wanted], (cursor, signal) =>
    ok(api.GET('/v1/organizations/{org}/keys', { params: { path: { org }, query: { ...cursor, limit: 200, ...(owner && { user: owner }), ...(wanted && { q: wanted }) } }, signal })))

  const used = useMemo(() => {
    const byKey = new Map<string, Schemas['Usage'][]>()
    for (const line of usage.data ?? []) {
      if (!line.key) continue
      const lines = byKey.get(line.key)
      if (lines) lines.push(line)
      else byKey.set(line.key, [line])
    }
    return byKey
  }, [usage.data])

  const open = (key: Schemas['Key'], next?: Act) => {
    setChosen(key.id)
    setAct(next)
  }

  useCommands([{ id: 'keys.create', title: 'Create a key', keywords: 'new api key', run: () => setCreating('1') }], [setCreating])

  const create = (
    <Button tone="primary" icon={Plus} onClick={() => setCreating('1')}>
      Create a key
    </Button>
  )
  return (
    <>
      <PageHeader title="Keys" description="What programs keep, and make short-lived passes from. A key says the most that its passes may do." actions={create} />
      <div className="mb-3 flex flex-wrap gap-2">
        <SearchBox label="Search keys" value={typed} onChange={setTyped} />
        <span className="w-full sm:w-56">
          <UserInput org={org} label="Owner" value={owner} onChange={setOwner} placeholder="Of everybody" />
        </span>
        <p role="status" className="self-center text-xs text-muted sm:ml-auto">
          {keys.rows.length > 0 && `${keys.rows.length.toLocaleString('en')} ${keys.more ? 'loaded; more come as you scroll' : keys.rows.length === 1 ? 'key' : 'keys'}`}
        </p>
      </div>
      <Table
        label="Keys"
        {...keys}
        rowKey={(key) => key.id}
        onOpen={(key) => open(key)}
        empty={
          wanted || owner ? (
            <EmptyState icon={KeyRound} title="No key is like that" action={<Button onClick={() => (setTyped(''), setOwner(''))}>Show all keys</Button>} />
          ) : (
            <EmptyState icon={KeyRound} title="No keys yet" action={create} snippets={createSnippets(location.origin, org)}>
              A key is kept by one program. Give each its own, with no more than it needs.
            </EmptyState>
          )
        }
        columns={[
          {
            id: 'comment',
            header: 'Key',
            cell: (key) => (
              <span className="flex min-w-0 items-center gap-2">
                <span className="min-w-0">
                  <span className="block truncate font-medium">{key.comment || <span className="text-muted">no comment</span>}</span>
                  <span className="block truncate text-xs text-muted">{people.name(key.user)}</span>
                </span>
                {key.kind !== 'live' && <KindBadge kind={key.kind} />}
                {key.id === me?.key && (
                  <span className="hidden sm:contents">
                    <Badge tone="info">yours, now</Badge>
                  </span>
                )}
              </span>
            ),
          },
          {
            id: 'scopes',
            header: 'May do',
            width: '12rem',
            wide: true,
            cell: (key) => (
              <span className="flex min-w-0 items-center gap-1.5">
                <code className="truncate font-mono text-xs">{key.scopes[0] ?? 'nothing'}</code>
                {key.scopes.length > 1 && <Badge>+{key.scopes.length - 1}</Badge>}
              </span>
            ),
          },
          {
            id: 'used',
            header: 'Last used',
            width: '9.5rem',
            cell: (key) => (
              <span className="block min-w-0" title={key.accessed?.user_agent}>
                <span className="block truncate">
                  <RelativeTime time={key.accessed?.time} />
                </span>
                {key.accessed?.address && <code className="block truncate font-mono text-xs text-muted">{key.accessed.address}</code>}
              </span>
            ),
          },
          { id: 'usage', header: `${days} days`, width: '8rem', wide: true, cell: (key) => <Sparkline days={byDay(used.get(key.id) ?? [], days, Date.now())} /> },
          { id: 'ends', header: 'Ends', width: '8rem', wide: true, cell: (key) => (key.expires ? <Ends time={key.expires} /> : <span className="text-muted">never</span>) },
          {
            id: 'actions',
            header: '',
            width: '3.75rem',
            align: 'right',
            cell: (key) => (
              <Menu
                trigger={<IconButton size="small" label={`Actions for ${key.comment || key.id}`} icon={Ellipsis} />}
                items={[
                  { label: 'Details', icon: KeyRound, onSelect: () => open(key) },
                  { label: 'Roll…', icon: RotateCw, onSelect: () => open(key, 'roll') },
                  'line',
                  { label: 'Delete…', icon: Trash2, danger: true, disabled: key.id === me?.key, onSelect: () => open(key, 'remove') },
                ]}
              />
            ),
          },
        ]}
      />
      <KeySheet
        id={chosen}
        listed={keys.rows.find((key) => key.id === chosen)}
        act={act}
        onAct={setAct}
        onClose={() => {
          setAct(undefined)
          setChosen('')
        }}
        onRolled={(next) => {
          setChosen('')
          setRolled(next)
        }}
      />
      <CreateDialog
        open={creating !== ''}
        onClose={() => setCreating('')}
        onCreated={(next) => {
          setCreating('')
          setCreated(next)
        }}
      />
      <KeyOnce
        created={created}
        sample={sample}
        title="Keep the key now"
        onDone={() => {
          setCreated(undefined)
          toast.done('Key created')
        }}
      />
      <KeyOnce created={rolled} sample={sample} title="Keep the new text now" onDone={() => setRolled(undefined)}>
        <p className="rounded-lg bg-info-soft p-3 text-info">
          {rolled?.overlap_until ? (
            <>
              The old text works on, and ends <RelativeTime time={rolled.overlap_until} />. Put the new one into its programs before.
            </>
          ) : (
            'The old text and all passes made from it have ended.'
          )}
        </p>
      </KeyOnce>
    </>
  )
}
