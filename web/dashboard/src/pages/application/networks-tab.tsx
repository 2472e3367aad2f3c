import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Plus, ShieldBan, Trash2 } from 'lucide-react'
import { useRef, useState } from 'react'
import { Badge, Button, Card, ConfirmDialog, Dialog, EmptyState, ErrorPanel, Field, IconButton, Input, RelativeTime, Select, Table, Textarea, toast } from '~/parts'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { usePages } from '~/session/pages'
import { useQueryParam } from '~/shell/query'

type Entry = Schemas['NetworkEntry']
const lives = [['', 'Until it is taken back'], ['3600', '1 hour'], ['86400', '1 day'], ['604800', '7 days'], ['2592000', '30 days']] as const

export function NetworksTab({ app, denied, allowed }: { app: string; denied: string[]; allowed: string[] }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [action, setAction] = useQueryParam('networks')
  const [adding, setAdding] = useState(false)
  const [gone, setGone] = useState<Entry>()
  const key = [org, 'networks', app]
  const networks = usePages([...key, action], (cursor, signal) =>
    ok(api.GET('/v1/organizations/{org}/applications/{app}/networks', { params: { path: { org, app }, query: { ...cursor, limit: 200, ...(action && { action: action as 'deny' | 'allow' }) } }, signal })),
  )
  const remove = useMutation({
    mutationFn: (entry: Entry) => ok(api.DELETE('/v1/organizations/{org}/applications/{app}/networks/{network}', { params: { path: { org, app, network: entry.id }, header: { 'If-Match': `"${entry.revision}"` } } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: key })
      toast.done('Taken off the list')
    },
  })
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <Select aria-label="Which entries" value={action} onChange={(event) => setAction(event.target.value)} className="w-52">
          <option value="">Denied and allowed</option>
          <option value="deny">Denied</option>
          <option value="allow">Allowed</option>
        </Select>
        <p className="min-w-0 flex-1 basis-64 text-muted">Denial wins, over every allowing entry and over the file.</p>
        <Button tone="primary" icon={Plus} onClick={() => setAdding(true)}>Add networks</Button>
      </div>
      <Table
        label="Networks"
        {...networks}
        rowKey={(entry) => entry.id}
        empty={<EmptyState icon={ShieldBan} title="No networks are denied or allowed beside the file">Deny an address at once, for an hour or for good, without touching the file.</EmptyState>}
        columns={[
          { id: 'network', header: 'Network', cell: (entry) => <code className="font-mono text-xs">{entry.network}</code> },
          { id: 'action', header: 'Action', width: '6rem', cell: (entry) => (entry.action === 'deny' ? <Badge tone="bad">denied</Badge> : <Badge tone="good">allowed</Badge>) },
          { id: 'reason', header: 'Reason', wide: true, cell: (entry) => entry.reason || <span className="text-muted">none given</span> },
          { id: 'expires', header: 'Ends', width: '8rem', wide: true, cell: (entry) => <RelativeTime time={entry.expires} /> },
          { id: 'created', header: 'Added', width: '9rem', wide: true, cell: (entry) => <RelativeTime time={entry.created} /> },
          { id: 'remove', header: 'Remove', width: '5.5rem', align: 'right', cell: (entry) => <IconButton size="small" label={`Take ${entry.network} off the list`} icon={Trash2} onClick={() => setGone(entry)} /> },
        ]}
      />
      <Card title="In the resource file">
        <dl className="grid gap-x-4 gap-y-2 sm:grid-cols-[10rem_minmax(0,1fr)]">
          <dt><code className="font-mono text-xs">deny_networks</code></dt>
          <dd className="font-mono text-xs leading-5 break-words">{denied.join(', ') || <span className="font-sans text-muted">none</span>}</dd>
          <dt><code className="font-mono text-xs">allow_networks</code></dt>
          <dd className="font-mono text-xs leading-5 break-words">{allowed.join(', ') || <span className="font-sans text-muted">left out: every address that is not denied</span>}</dd>
        </dl>
      </Card>
      <Add open={adding} onClose={() => setAdding(false)} app={app} mayAllow={allowed.length > 0} onAdded={() => queries.invalidateQueries({ queryKey: key })} />
      <ConfirmDialog open={!!gone} onClose={() => setGone(undefined)} title="Take it off the list?" action="Take it off" onConfirm={() => remove.mutateAsync(gone!)}>
        <p><code className="font-mono">{gone?.network}</code> is no longer {gone?.action === 'allow' ? 'allowed' : 'denied'} from the next request on.</p>
      </ConfirmDialog>
    </div>
  )
}

function Add({ open, onClose, app, mayAllow, onAdded }: { open: boolean; onClose: () => void; app: string; mayAllow: boolean; onAdded: () => Promise<unknown> }) {
  const { org, api } = useSession()
  const first = useRef<HTMLTextAreaElement>(null)
  const [text, setText] = useState('')
  const [action, setAction] = useState<'deny' | 'allow'>('deny')
  const [reason, setReason] = useState('')
  const [life, setLife] = useState('')
  const networks = [...new Set(text.split(/[\s,]+/).filter(Boolean))]
  const add = useMutation({
    mutationFn: () =>
      ok(
        api.POST('/v1/organizations/{org}/applications/{app}/networks', {
          params: { path: { org, app } },
          body: { items: networks.map((network) => ({ network, action, ...(reason && { reason }), ...(life && { expires_in: Number(life) }) })) },
        }),
      ),
    onSuccess: async (done) => {
      await onAdded()
      setText('')
      setReason('')
      onClose()
      toast.done('The list is changed', `${done.added} added, ${done.changed} changed, ${done.unchanged} as they were`)
    },
  })
  const problem = add.error ? Problem.of(add.error) : undefined
  return (
    <Dialog
      open={open}
      onClose={() => (add.reset(), onClose())}
      title="Add networks"
      initialFocus={first}
      footer={
        <>
          <Button onClick={() => (add.reset(), onClose())}>Cancel</Button>
          <Button type="submit" form="add-networks" tone="primary" busy={add.isPending} disabled={networks.length === 0}>{action === 'deny' ? 'Deny' : 'Allow'}</Button>
        </>
      }
    >
      <form id="add-networks" className="flex flex-col gap-4" onSubmit={(event) => (event.preventDefault(), add.mutate())}>
        <Field label="Addresses and networks" hint="One a line, or with commas: 203.0.113.7, 2001:db8::/48" error={problem?.field('/items')}>
          <Textarea ref={first} mono rows={3} value={text} onChange={(event) => setText(event.target.value)} />
        </Field>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Action" hint={mayAllow ? undefined : 'Allowing needs allow_networks in the file.'}>
            <Select value={action} onChange={(event) => setAction(event.target.value as typeof action)}>
              <option value="deny">Deny</option>
              <option value="allow" disabled={!mayAllow}>Allow</option>
            </Select>
          </Field>
          <Field label="For">
            <Select value={life} onChange={(event) => setLife(event.target.value)}>
              {lives.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
            </Select>
          </Field>
        </div>
        <Field label="Reason" hint="For those who administer; callers are not told." error={problem?.field('/reason')}>
          <Input maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />
        </Field>
        {add.error && <ErrorPanel error={add.error} />}
      </form>
    </Dialog>
  )
}
