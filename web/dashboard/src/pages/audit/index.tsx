import { useNavigate } from '@tanstack/react-router'
import { Download, FilterX, History } from 'lucide-react'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { Badge, Button, CodeBlock, CopyButton, Dialog, EmptyState, Field, Input, Menu, PageHeader, RelativeTime, Select, Sheet, Table, toast } from '~/parts'
import { csvLine } from '~/parts/csv'
import { download } from '~/parts/download'
import { IdInput } from '~/parts/id-input'
import { ok, type Schemas, useSession } from '~/session'
import { UserInput } from '~/session/user-input'
import { usePages } from '~/session/pages'
import { useQueryParam } from '~/shell/query'
import { actions, type Filters, queryOf, spans, told } from './filters'
import { slugOf, useNames } from './names'

type Event = Schemas['Event']
const mostExported = 50_000
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

export default function Audit() {
  const { org, api } = useSession()
  const navigate = useNavigate()
  const names = useNames()
  const [action, setAction] = useQueryParam('action')
  const [actor, setActor] = useQueryParam('actor')
  const [object, setObject] = useQueryParam('object')
  const [time, setTime] = useQueryParam('time')
  const [since, setSince] = useQueryParam('since')
  const [until, setUntil] = useQueryParam('until')
  const [opened, setOpened] = useQueryParam('event')
  const filters: Filters = { action, actor, object, time, since, until }
  // "The last hour" is counted from when it was chosen, so that the cursors of its pages go together.
  const query = useMemo(() => queryOf(filters, Date.now()), [action, actor, object, time, since, until])
  const filtered = Object.keys(query).length > 0 || time !== ''

  const read = (cursor: { cursor?: string }, signal?: AbortSignal) => ok(api.GET('/v1/organizations/{org}/events', { params: { path: { org }, query: { ...query, ...cursor, limit: 200 } }, ...(signal && { signal }) }))
  const events = usePages([org, 'events', query], read)
  const event = events.rows.find((row) => row.id === opened)

  const only = (search: Partial<Filters>) => void navigate({ to: '.', search: search as never, replace: true, resetScroll: false })

  return (
    <>
      <PageHeader title="Audit" description="Who changed what. Every change is here, recorded together with it." actions={<Export read={read} name={`${org}-audit`} />} />
      <div className="mb-4 grid grid-cols-2 items-end gap-3 sm:grid-cols-3 lg:grid-cols-[1.1fr_1.2fr_1.2fr_1fr_auto]">
        <Field label="Action">
          <Select value={action} onChange={(change) => setAction(change.target.value)}>
            <option value="">All actions</option>
            {action && !actions[action.split('.')[0]!]?.includes(action.split('.')[1] ?? '') && <option value={action}>{told(action)}</option>}
            {Object.entries(actions).map(([noun, verbs]) => (
              <optgroup key={noun} label={told(noun)}>
                {verbs.map((verb) => (
                  <option key={verb} value={`${noun}.${verb}`}>{told(`${noun}.${verb}`)}</option>
                ))}
              </optgroup>
            ))}
          </Select>
        </Field>
        <Field label="Time">
          <Select value={time} onChange={(change) => setTime(change.target.value)}>
            {spans.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </Select>
        </Field>
        <Field label="Actor"><UserInput org={org} value={actor} onChange={setActor} /></Field>
        <Field label="Object"><IdInput value={object} onChange={setObject} placeholder="key_…, app_…" choices={names.applications} /></Field>
        <Button icon={FilterX} disabled={!filtered} onClick={() => only({})} className="col-span-2 sm:col-span-1">Clear</Button>
        {time === 'custom' && (
          <div className="col-span-full grid gap-3 sm:grid-cols-2 lg:max-w-lg">
            <Field label="From"><Input type="datetime-local" value={since} onChange={(change) => setSince(change.target.value)} /></Field>
            <Field label="Until"><Input type="datetime-local" value={until} onChange={(change) => setUntil(change.target.value)} /></Field>
          </div>
        )}
      </div>
      <Table
        label="Events"
        {...events}
        rowKey={(row) => row.id}
        onOpen={(row) => setOpened(row.id)}
        empty={
          filtered ? (
            <EmptyState icon={History} title="No event fits the filters" action={<Button icon={FilterX} onClick={() => only({})}>Clear the filters</Button>} />
          ) : (
            <EmptyState icon={History} title="Nothing has been changed yet">Keys, members, applications, settings: whoever changes one is recorded here.</EmptyState>
          )
        }
        columns={[
          { id: 'time', header: 'When', width: '8rem', cell: (row) => <RelativeTime time={row.time} /> },
          {
            id: 'action',
            header: 'Action',
            cell: (row) => (
              <span className="flex flex-col leading-4">
                <span title={row.action} className="truncate font-medium">
                  {told(row.action)}
                </span>
                <span className="truncate text-xs text-muted md:hidden">
                  <Named id={row.object} name={names.name(row.object) ?? slugOf(row)} />
                </span>
              </span>
            ),
          },
          { id: 'object', header: 'Object', wide: true, cell: (row) => <Named id={row.object} name={names.name(row.object) ?? slugOf(row)} /> },
          { id: 'actor', header: 'Actor', wide: true, cell: (row) => (row.actor.user ? <Named id={row.actor.user} name={names.users.get(row.actor.user)} /> : <Badge>the system</Badge>) },
          { id: 'address', header: 'From', width: '9.5rem', wide: true, cell: (row) => <code className="font-mono text-xs">{row.actor.address}</code> },
        ]}
      />
      <p className="mt-2 text-xs text-muted" role="status">
        {events.rows.length > 0 && `${events.rows.length.toLocaleString('en')} ${events.more ? 'loaded; more come as you scroll' : events.rows.length === 1 ? 'event' : 'events'}`}
      </p>
      <Sheet open={!!event} onClose={() => setOpened('')} title={event ? told(event.action) : ''} description={event && exact.format(new Date(event.time))}>
        {event && <Detail event={event} name={names.name} onFilter={only} />}
      </Sheet>
    </>
  )
}

function Named({ id, name }: { id: string; name: string | undefined }) {
  return name ? <span title={id}>{name}</span> : <code className="font-mono text-xs">{id}</code>
}

function Detail({ event, name, onFilter }: { event: Event; name: (id: string | undefined) => string | undefined; onFilter: (search: Partial<Filters>) => void }) {
  const { actor } = event
  return (
    <div className="flex flex-col gap-5">
      <dl className="grid grid-cols-[6.5rem_minmax(0,1fr)] items-center gap-x-3 gap-y-1.5">
        <Id label="Object" id={event.object} name={name(event.object) ?? slugOf(event)} />
        <Id label="User" id={actor.user} name={name(actor.user)} />
        <Id label="Key" id={actor.key} name={name(actor.key)} />
        <Id label="Pass" id={actor.token} />
        <Id label="Address" id={actor.address} />
        <Id label="Event" id={event.id} />
        <Id label="Request" id={event.request_id} />
        <dt className="text-muted">Revision</dt>
        <dd className="tabular-nums">{event.revision}</dd>
      </dl>
      <div className="flex flex-wrap gap-2">
        <Button size="small" onClick={() => onFilter({ object: event.object })}>All about this object</Button>
        {actor.user && <Button size="small" onClick={() => onFilter({ actor: actor.user! })}>All by this user</Button>}
        <Button size="small" onClick={() => onFilter({ action: event.action })}>All of this kind</Button>
      </div>
      <section className="flex flex-col gap-2">
        <h3 className="font-semibold">What changed</h3>
        <CodeBlock label="Detail" wrap>{JSON.stringify(event.detail, null, 2)}</CodeBlock>
      </section>
    </div>
  )
}

function Id({ label, id, name }: { label: string; id: string | undefined; name?: ReactNode }) {
  if (!id) return null
  return (
    <>
      <dt className="text-muted">{label}</dt>
      <dd className="flex min-w-0 items-center gap-1">
        <span className="min-w-0 break-all">
          {name && <span className="mr-2 font-medium">{name}</span>}
          <code className="font-mono text-xs">{id}</code>
        </span>
        <CopyButton text={id} label={`Copy: ${label}`} />
      </dd>
    </>
  )
}

const columns = ['time', 'action', 'object', 'user', 'key', 'token', 'address', 'detail', 'request_id', 'revision', 'id']
const csvOf = (event: Event) => csvLine([event.time, event.action, event.object, event.actor.user, event.actor.key, event.actor.token, event.actor.address, JSON.stringify(event.detail), event.request_id, event.revision, event.id])

/** Reads page after page of what is filtered, at most `mostExported`, and hands it over as a file. */
function Export({ read, name }: { read: (cursor: { cursor?: string }, signal?: AbortSignal) => Promise<Schemas['EventList']>; name: string }) {
  const [got, setGot] = useState<number>()
  const stop = useRef<AbortController>(undefined)
  useEffect(() => () => stop.current?.abort(), [])

  const run = async (form: 'csv' | 'json') => {
    const control = new AbortController()
    stop.current = control
    setGot(0)
    const parts = form === 'csv' ? [csvLine(columns)] : ['[']
    let count = 0
    try {
      let cursor: string | undefined
      do {
        const page = await read(cursor ? { cursor } : {}, control.signal)
        control.signal.throwIfAborted()
        const items = page.items.slice(0, mostExported - count)
        parts.push(form === 'csv' ? items.map(csvOf).join('') : items.map((item, index) => (count + index > 0 ? ',\n' : '\n') + JSON.stringify(item)).join(''))
        count += items.length
        cursor = page.next_cursor
        setGot(count)
      } while (cursor && count < mostExported)
      if (form === 'json') parts.push('\n]\n')
      download(`${name}.${form}`, form === 'csv' ? 'text/csv;charset=utf-8' : 'application/json', parts)
      toast.done(`${count.toLocaleString('en')} events exported`, cursor ? 'There are older ones. Export them by a time before the last of these.' : undefined)
    } catch (error) {
      if (!control.signal.aborted) toast.fail(error)
    } finally {
      setGot(undefined)
    }
  }
  return (
    <>
      <Menu trigger={<Button icon={Download}>Export</Button>} items={[{ label: 'CSV, for spreadsheets', onSelect: () => void run('csv') }, { label: 'JSON', onSelect: () => void run('json') }]} />
      <Dialog open={got !== undefined} onClose={() => stop.current?.abort()} title="Exporting" footer={<Button onClick={() => stop.current?.abort()}>Cancel</Button>}>
        <p role="status">{(got ?? 0).toLocaleString('en')} events read.</p>
      </Dialog>
    </>
  )
}
