import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { RotateCw, Scissors, Trash2 } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { Badge, Button, buttonClass, ConfirmDialog, CopyButton, ErrorPanel, RelativeTime, Sheet, Skeleton, toast } from '~/parts'
import { ok, type Schemas, useSession } from '~/session'
import { useMe } from '~/session/me'
import { useLivePasses, usePeople, useUsage } from './read'
import { RemoveDialog } from './remove'
import { RollDialog } from './roll'
import { Sparkline, UsageLegend } from './sparkline'
import { byDay, count, totals } from './usage'

/** What is being done to the key that is shown. */
export type Act = 'roll' | 'remove' | undefined

/** All that is known of a key, and what can be done to it. */
export function KeySheet({ id, listed, act, onAct, onClose, onRolled }: { id: string; listed: Schemas['Key'] | undefined; act: Act; onAct: (act: Act) => void; onClose: () => void; onRolled: (created: Schemas['KeyCreated']) => void }) {
  const { org, api } = useSession()
  const me = useMe()
  const { data: key, error, refetch } = useQuery({
    queryKey: [org, 'keys', id],
    enabled: id !== '',
    ...(listed && { initialData: listed, initialDataUpdatedAt: 0 }),
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/keys/{key}', { params: { path: { org, key: id } }, signal })),
  })
  const own = me?.key === id
  return (
    <Sheet
      open={id !== ''}
      onClose={onClose}
      title={key ? key.comment || 'A key without a comment' : 'Key'}
      description={<code className="font-mono text-xs">{id}</code>}
      footer={
        key && (
          <>
            <Button tone="danger" icon={Trash2} disabled={own} onClick={() => onAct('remove')}>
              Delete…
            </Button>
            <span className="flex-1" />
            <Button tone="primary" icon={RotateCw} onClick={() => onAct('roll')}>
              Roll…
            </Button>
          </>
        )
      }
    >
      {error && !key && <ErrorPanel error={error} retry={() => void refetch()} />}
      {!error && !key && <Skeleton className="h-96 w-full" />}
      {key && (
        <div className="flex flex-col gap-6">
          {own && <p className="rounded-lg bg-info-soft p-3 text-info">You are logged in with this key. Rolling it now logs you out; it cannot delete itself.</p>}
          <Facts of={key} />
          <Use of={key} />
          <Passes of={key} />
          <Suggestion of={key} />
          <RollDialog
            of={act === 'roll' ? key : undefined}
            onClose={() => onAct(undefined)}
            onRolled={(created) => {
              onAct(undefined)
              onRolled(created)
            }}
          />
          <RemoveDialog of={act === 'remove' ? key : undefined} onClose={() => onAct(undefined)} onRemoved={onClose} />
        </div>
      )}
    </Sheet>
  )
}

export function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  )
}

const life = (seconds: number) => (seconds % 86_400 === 0 ? count(seconds / 86_400, 'day') : seconds % 3600 === 0 ? count(seconds / 3600, 'hour') : count(Math.round(seconds / 60), 'minute'))

function Facts({ of: key }: { of: Schemas['Key'] }) {
  const people = usePeople()
  const overlapping = key.overlap_until && Date.parse(key.overlap_until) > Date.now()
  return (
    <dl className="grid grid-cols-[8rem_1fr] gap-x-4 gap-y-2">
      <Row name="Last used">
        {key.accessed ? (
          <>
            <RelativeTime time={key.accessed.time} />
            {key.accessed.address && (
              <>
                {' '}
                from <code className="font-mono text-xs">{key.accessed.address}</code>
              </>
            )}
            {key.accessed.user_agent && <span className="block text-xs text-muted">{key.accessed.user_agent}</span>}
          </>
        ) : (
          <span className="text-muted">never</span>
        )}
      </Row>
      <Row name="Kind">
        <KindBadge kind={key.kind} />
      </Row>
      <Row name="Owner">{people.name(key.user)}</Row>
      <Row name="Scopes">
        <Scopes list={key.scopes} />
      </Row>
      <Row name="Roles">{key.roles.length > 0 ? key.roles.join(', ') : <span className="text-muted">none</span>}</Row>
      <Row name="Networks">{key.ips.length > 0 ? <Scopes list={key.ips} /> : 'anywhere'}</Row>
      <Row name="Ends">{key.expires ? <Ends time={key.expires} /> : 'never'}</Row>
      <Row name="Life of a pass">{key.max_token_life > 0 ? `at most ${life(key.max_token_life)}` : 'as the server allows'}</Row>
      {key.require_signature && <Row name="Signature">required</Row>}
      {key.may_name_subjects && <Row name="Subjects">may name its own</Row>}
      {key.plan && <Row name="Plan">{key.plan}</Row>}
      {key.public_key && <Row name="Public key">registered</Row>}
      <Row name="Text">
        version {key.version}
        {overlapping && (
          <>
            ; the one before ends <RelativeTime time={key.overlap_until} />
          </>
        )}
      </Row>
      <Row name="Created">
        <RelativeTime time={key.created} />
      </Row>
      <Row name="Id">
        <span className="inline-flex max-w-full items-center gap-1">
          <code className="truncate font-mono text-xs">{key.id}</code>
          <CopyButton text={key.id} label="Copy the id" />
        </span>
      </Row>
    </dl>
  )
}

export function KindBadge({ kind }: { kind: Schemas['KeyKind'] }) {
  return <Badge tone={kind === 'test' ? 'warn' : kind === 'ug' ? 'info' : 'plain'}>{kind === 'ug' ? 'user group' : kind}</Badge>
}

export function Scopes({ list }: { list: readonly string[] }) {
  if (list.length === 0) return <span className="text-muted">none</span>
  return (
    <span className="flex flex-wrap gap-1">
      {list.map((scope) => (
        <code key={scope} className="rounded bg-sunken px-1.5 py-0.5 font-mono text-xs break-all">
          {scope}
        </code>
      ))}
    </span>
  )
}

export function Ends({ time }: { time: string }) {
  const left = Date.parse(time) - Date.now()
  if (left <= 0) return <Badge tone="bad">ended</Badge>
  return (
    <span className={left < 7 * 86_400_000 ? 'text-warn' : undefined}>
      <RelativeTime time={time} />
    </span>
  )
}

export function Section({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-2 border-t border-line pt-4">
      <div className="flex min-h-7 items-center gap-2">
        <h3 className="flex-1 font-semibold">{title}</h3>
        {actions}
      </div>
      {children}
    </section>
  )
}

const days = 30

function Use({ of: key }: { of: Schemas['Key'] }) {
  const usage = useUsage(days, key.id)
  const sums = totals(usage.data ?? [])
  return (
    <Section title={`Last ${days} days`}>
      {usage.error ? (
        <ErrorPanel error={usage.error} retry={() => void usage.refetch()} />
      ) : usage.isPending ? (
        <Skeleton className="h-24 w-full" />
      ) : (
        <>
          <Sparkline told days={byDay(usage.data, days, Date.now())} className="h-14 w-full" />
          <UsageLegend totals={sums} />
          {sums.outcomes.length > 0 && (
            <ul aria-label="By outcome" className="flex flex-wrap gap-1.5">
              {sums.outcomes.map(([outcome, number]) => (
                <li key={outcome}>
                  <Badge>
                    {outcome} {number.toLocaleString('en')}
                  </Badge>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Section>
  )
}

function Passes({ of: key }: { of: Schemas['Key'] }) {
  const { org } = useSession()
  const live = useLivePasses(key.id)
  return (
    <Section
      title="Live passes"
      actions={
        <>
          <Link to="/o/$org/debugger" params={{ org }} search={{ who: 'key', key: key.id } as never} className={buttonClass({ size: 'small' })}>
            What may they do?
          </Link>
          <Link to="/o/$org/tokens" params={{ org }} search={{ key: key.id } as never} className={buttonClass({ size: 'small' })}>
            Show them
          </Link>
        </>
      }
    >
      {live.isPending ? (
        <Skeleton className="h-5 w-40" />
      ) : live.error ? (
        <p className="text-muted">{live.error.message}</p>
      ) : (
        <p>
          {live.data.more && 'More than '}
          {count(live.data.rows.length, 'pass', 'passes')}
          {live.data.rows[0] && (
            <>
              , the last made <RelativeTime time={live.data.rows[0].issued} />
            </>
          )}
        </p>
      )}
    </Section>
  )
}

/** What the key could do without, and one click to take it away. */
function Suggestion({ of: key }: { of: Schemas['Key'] }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const live = useLivePasses(key.id)
  const [asked, setAsked] = useState(false)
  const { data, error, isPending } = useQuery({
    queryKey: [org, 'keys', key.id, 'suggestion', key.revision],
    retry: false,
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/keys/{key}/suggestion', { params: { path: { org, key: key.id }, query: { days } }, signal })),
  })
  const narrow = useMutation({
    mutationFn: (scopes: string[]) => ok(api.POST('/v1/organizations/{org}/keys/{key}/narrow', { params: { path: { org, key: key.id } }, body: { scopes } })),
    onSuccess: async () => {
      toast.done('Scopes taken away', 'Passes made before ended; new ones hold the narrower scopes.')
      await Promise.all([queries.invalidateQueries({ queryKey: [org, 'keys'] }), queries.invalidateQueries({ queryKey: [org, 'tokens'] })])
    },
  })
  const same = data && data.suggested.length === data.scopes.length && data.suggested.every((scope) => data.scopes.includes(scope))
  return (
    <Section title="Least privilege">
      {error ? (
        <p className="text-muted">{error.message}</p>
      ) : isPending ? (
        <Skeleton className="h-16 w-full" />
      ) : data.suggested.length === 0 ? (
        <p className="text-muted">Nothing that it may do was done in {days} days, as far as the gate saw. If nobody needs it, delete it.</p>
      ) : same ? (
        <p>
          <Badge tone="good">As narrow as its use</Badge>
        </p>
      ) : (
        <div className="flex flex-col gap-3 rounded-lg bg-warn-soft p-3">
          <p className="text-text">In {days} days it used only a part of what it holds. This would have been enough:</p>
          <ul className="flex flex-col gap-1">
            {data.suggested.map((scope) => {
              const used = data.used.find((one) => one.scope === scope)
              return (
                <li key={scope} className="flex items-baseline gap-2">
                  <code className="font-mono text-xs break-all text-text">{scope}</code>
                  {used && <span className="text-xs text-warn">{count(used.count, 'use')}</span>}
                </li>
              )
            })}
          </ul>
          {data.unused.length > 0 && <p className="text-text">Never used: {data.unused.join(', ')}</p>}
          <Button className="self-start" icon={Scissors} onClick={() => setAsked(true)}>
            Narrow to this
          </Button>
        </div>
      )}
      <ConfirmDialog open={asked} onClose={() => setAsked(false)} title="Take the other scopes from the key?" action="Narrow the key" tone="primary" onConfirm={() => narrow.mutateAsync(data?.suggested ?? [])}>
        <p>
          It will hold <strong>{data?.suggested.join(', ')}</strong> instead of <strong>{data?.scopes.join(', ')}</strong>. Its text stays. {live.data ? <>The {count(live.data.rows.length, 'live pass', 'live passes')}</> : 'Passes'} made from it end at once, and programs make narrower ones.
          This cannot be taken back: for more it takes another key.
        </p>
      </ConfirmDialog>
    </Section>
  )
}
