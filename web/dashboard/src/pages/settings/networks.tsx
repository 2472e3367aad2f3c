import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Plus, ShieldBan, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, ConfirmDialog, Dialog, EmptyState, ErrorPanel, Field, IconButton, Input, RelativeTime, SearchBox, Select, Table, Textarea, toast } from '~/parts'
import { ok, type Schemas, useSession } from '~/session'
import { useAll } from '~/session/all'
import { usePages } from '~/session/pages'
import { useQueryParam } from '~/shell/query'
import { useMe } from '~/session/me'
import { seconds, words } from './time'

type Entry = Schemas['NetworkEntry']
const platform = '*'

/** Addresses that are denied or allowed, at one application or at all of the server. */
export function Networks() {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const me = useMe()
  const administrator = me?.roles.includes('administrator') ?? false
  const applications = useAll([org, 'applications'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal })))
  const [chosen, setChosen] = useQueryParam('list')
  const list = chosen || applications.rows[0]?.slug || (administrator ? platform : '')
  const [typed, setTyped] = useState('')
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Entry>()
  const everywhere = list === platform
  const address = /^[0-9a-f.:]+$/i.test(typed.trim()) && /[.:].*[.:]/.test(typed) ? typed.trim() : ''
  const entries = usePages([org, 'networks', list, address], async (cursor, signal) => {
    const query = { ...cursor, limit: 100, ...(address && { address }) }
    if (!list) return { items: [] }
    return everywhere ? ok(api.GET('/v1/networks', { params: { query }, signal })) : ok(api.GET('/v1/organizations/{org}/applications/{app}/networks', { params: { path: { org, app: list }, query }, signal }))
  })
  const shown = typed && !address ? entries.rows.filter((entry) => `${entry.network} ${entry.reason}`.toLowerCase().includes(typed.toLowerCase())) : entries.rows
  const again = () => queries.invalidateQueries({ queryKey: [org, 'networks'] })
  const add = (
    <Button tone="primary" icon={Plus} disabled={!list} onClick={() => setAdding(true)}>
      Add networks
    </Button>
  )
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <Select aria-label="List" className="w-full sm:w-64" value={list} onChange={(event) => setChosen(event.target.value)}>
          {administrator && <option value={platform}>Every application of the server</option>}
          {applications.rows.map((application) => (
            <option key={application.id} value={application.slug}>
              Application {application.slug}
            </option>
          ))}
        </Select>
        <SearchBox label="Search, or an address" value={typed} onChange={setTyped} />
        <span className="flex-1" />
        {add}
      </div>
      <p className="max-w-prose text-muted">{everywhere ? 'Denied at the gate to every application of every organization. The API itself still answers, so that a mistake can be taken back.' : 'Beside deny_networks and allow_networks of the resource file. Denial wins.'}</p>
      <Table
        label="Networks"
        {...entries}
        rows={shown}
        loading={entries.loading || (applications.loading && !list)}
        rowKey={(entry) => entry.id}
        empty={
          typed ? undefined : (
            <EmptyState icon={ShieldBan} title="No networks">
              Nothing is denied here but what the resource files say.
            </EmptyState>
          )
        }
        columns={[
          { id: 'network', header: 'Network', cell: (entry) => <code className="font-mono text-xs">{entry.network}</code> },
          { id: 'action', header: 'Does', width: '6rem', cell: (entry) => <Badge tone={expired(entry) ? 'plain' : entry.action === 'deny' ? 'bad' : 'good'}>{expired(entry) ? 'expired' : entry.action}</Badge> },
          { id: 'reason', header: 'Reason', wide: true, cell: (entry) => <span title={entry.reason}>{entry.reason}</span> },
          { id: 'expires', header: 'Ends', width: '8rem', wide: true, cell: (entry) => <RelativeTime time={entry.expires} /> },
          { id: 'created', header: 'Added', width: '9rem', wide: true, cell: (entry) => <RelativeTime time={entry.created} /> },
          { id: 'actions', header: 'Actions', width: '5rem', align: 'right', cell: (entry) => <IconButton size="small" label={`Remove ${entry.network}`} icon={Trash2} onClick={() => setRemoving(entry)} /> },
        ]}
      />
      <Dialog open={adding} onClose={() => setAdding(false)} title={everywhere ? 'Deny networks to every application' : `Networks of ${list}`}>
        <AddForm list={list} onDone={() => (setAdding(false), void again())} />
      </Dialog>
      <ConfirmDialog
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Take ${removing?.network ?? ''} off the list?`}
        action="Remove"
        onConfirm={async () => {
          const network = removing!.id
          await (everywhere ? ok(api.DELETE('/v1/networks/{network}', { params: { path: { network } } })) : ok(api.DELETE('/v1/organizations/{org}/applications/{app}/networks/{network}', { params: { path: { org, app: list, network } } })))
          await again()
          toast.done('Removed', 'It holds from the next request on.')
        }}
      >
        <p>{removing?.action === 'deny' ? 'From the next request on it is let in again, as far as the rules say.' : 'From the next request on it is allowed no more.'}</p>
      </ConfirmDialog>
    </div>
  )
}

const expired = (entry: Entry) => entry.expires !== undefined && Date.parse(entry.expires) <= Date.now()

function AddForm({ list, onDone }: { list: string; onDone: () => void }) {
  const { org, api } = useSession()
  const me = useMe()
  const [text, setText] = useState('')
  const [action, setAction] = useState<'deny' | 'allow'>('deny')
  const [reason, setReason] = useState('')
  const [ends, setEnds] = useState('')
  const networks = words(text)
  const own = me?.address !== undefined && action === 'deny' && networks.includes(me.address)
  const add = useMutation({
    mutationFn: () => {
      const after = seconds(ends)
      const body = { items: networks.map((network) => ({ network, action, ...(reason && { reason }), ...(after && { expires_in: after }) })) }
      return list === platform ? ok(api.POST('/v1/networks', { body })) : ok(api.POST('/v1/organizations/{org}/applications/{app}/networks', { params: { path: { org, app: list } }, body }))
    },
    onSuccess: (outcome) => {
      toast.done('The gate has applied it', `${outcome.added} added, ${outcome.changed} changed, ${outcome.unchanged} unchanged.`)
      onDone()
    },
  })
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        if (!add.isPending) add.mutate()
      }}
    >
      <Field label="Networks" required hint={`One on a line: 192.0.2.7, 192.0.2.0/24, 2001:db8::/48.${me?.address ? ` Yours is ${me.address}.` : ''}`}>
        <Textarea mono rows={4} value={text} onChange={(event) => setText(event.target.value)} />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Are">
          <Select value={action} disabled={list === platform} onChange={(event) => setAction(event.target.value as 'deny' | 'allow')}>
            <option value="deny">denied</option>
            <option value="allow">allowed</option>
          </Select>
        </Field>
        <Field label="For">
          <Select value={ends} onChange={(event) => setEnds(event.target.value)}>
            <option value="">good</option>
            <option value="1h">an hour</option>
            <option value="1d">a day</option>
            <option value="7d">a week</option>
            <option value="30d">30 days</option>
          </Select>
        </Field>
      </div>
      <Field label="Reason" hint="For those who administer; callers are not told.">
        <Input value={reason} onChange={(event) => setReason(event.target.value)} maxLength={200} />
      </Field>
      {own && (
        <p role="note" className="rounded-lg bg-warn-soft p-3 text-warn">
          One of them is your own address.
        </p>
      )}
      {add.error && <ErrorPanel error={add.error} />}
      <div className="flex justify-end">
        <Button type="submit" tone="primary" busy={add.isPending}>
          Add
        </Button>
      </div>
    </form>
  )
}
