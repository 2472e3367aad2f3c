import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ArrowRight, Boxes, KeyRound, type LucideIcon, Rocket, Ticket, Users } from 'lucide-react'
import type { ReactNode } from 'react'
import { buttonClass, Card, EmptyState, ErrorPanel, PageHeader, RelativeTime, Skeleton } from '~/parts'
import { ok, type Schemas, useSession } from '~/session'
import { told } from '../audit/filters'
import { slugOf, useNames } from '../audit/names'
import { useUsage } from '../keys/read'
import { Sparkline, UsageLegend } from '../keys/sparkline'
import { byDay, totals } from '../keys/usage'

const until = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const days = 14

/** How many of a noun are counted; beyond it is said so. */
const most = 100

/** What there is, what happened last, and where nothing is protected yet, how to begin. */
export default function Overview() {
  const { org, api, payload } = useSession()
  const params = { path: { org }, query: { limit: most } }
  const applications = useQuery({
    queryKey: [org, 'applications', 'overview'],
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/applications', { params, signal })),
  })
  const keys = useQuery({ queryKey: [org, 'keys', 'overview'], queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/keys', { params, signal })) })
  const members = useQuery({ queryKey: [org, 'members', 'overview'], queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/memberships', { params, signal })) })
  const tokens = useQuery({ queryKey: [org, 'tokens', 'overview'], queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/tokens', { params, signal })) })

  return (
    <>
      <PageHeader title="Overview" description={`Organization ${org}. Your pass is good until ${until.format(payload.exp * 1000)}.`} />
      {applications.data?.items.length === 0 && (
        <div className="mb-6">
          <EmptyState
            icon={Rocket}
            title="Nothing is protected yet"
            action={
              <Link to="/setup" className={buttonClass({ tone: 'primary' })}>
                Protect your first API
              </Link>
            }
          >
            Name an upstream and say who may do what: in five steps you see the first request go through.
          </EmptyState>
        </div>
      )}
      <ul className="mb-6 grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Count to="/o/$org/applications" icon={Boxes} name="Applications" org={org} list={applications} />
        <Count to="/o/$org/keys" icon={KeyRound} name="Keys" org={org} list={keys} />
        <Count to="/o/$org/tokens" icon={Ticket} name="Living passes" org={org} list={tokens} />
        <Count to="/o/$org/members" icon={Users} name="Members" org={org} list={members} />
      </ul>
      <div className="flex flex-col gap-6">
        <Use />
        <Latest />
      </div>
    </>
  )
}

type List = { data: { items: unknown[]; next_cursor?: string } | undefined; isPending: boolean }

function Count({ to, icon: Icon, name, org, list }: { to: '/o/$org/applications' | '/o/$org/keys' | '/o/$org/tokens' | '/o/$org/members'; icon: LucideIcon; name: string; org: string; list: List }) {
  return (
    <li>
      <Link to={to} params={{ org }} className="flex h-full flex-col gap-2 rounded-xl border border-line bg-surface p-4 hover:bg-hover">
        <span className="flex items-center gap-2 text-muted">
          <Icon aria-hidden className="size-4" />
          {name}
        </span>
        <span className="h-8 text-2xl leading-8 font-semibold tabular-nums">{list.isPending ? <Skeleton className="h-7 w-12" /> : counted(list.data)}</span>
      </Link>
    </li>
  )
}

function counted(list: List['data']): ReactNode {
  if (!list) return <span className="text-base font-normal text-muted">not shown</span>
  return list.next_cursor ? `${most}+` : list.items.length
}

function Use() {
  const { org } = useSession()
  const usage = useUsage(days)
  if (usage.error) return null // not everybody may see it
  return (
    <Card
      title={`Last ${days} days`}
      actions={
        <Link to="/o/$org/usage" params={{ org }} className="inline-flex items-center gap-1 text-accent underline-offset-2 hover:underline">
          Usage <ArrowRight aria-hidden className="size-4" />
        </Link>
      }
    >
      <div className="flex h-28 flex-col gap-3">
        {usage.isPending ? (
          <Skeleton className="h-full" />
        ) : (
          <>
            <Sparkline told days={byDay(usage.data, days, Date.now())} className="min-h-0 w-full flex-1" />
            <UsageLegend totals={totals(usage.data)} />
          </>
        )}
      </div>
    </Card>
  )
}

function Latest() {
  const { name } = useNames()
  const { org, api } = useSession()
  const events = useQuery({
    queryKey: [org, 'events', 'latest'],
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/events', { params: { path: { org }, query: { limit: 8 } }, signal })),
    refetchInterval: 30_000,
  })
  return (
    <Card
      title="What happened last"
      actions={
        <Link to="/o/$org/audit" params={{ org }} className="inline-flex items-center gap-1 text-accent underline-offset-2 hover:underline">
          All events <ArrowRight aria-hidden className="size-4" />
        </Link>
      }
    >
      {events.isPending && <Skeleton className="h-64" />}
      {events.error && <ErrorPanel error={events.error} retry={() => void events.refetch()} />}
      {events.data?.items.length === 0 && <p className="text-muted">Nothing yet.</p>}
      <ul className="divide-y divide-line">
        {events.data?.items.map((event: Schemas['Event']) => (
          <li key={event.id} className="flex h-8 items-center justify-between gap-4">
            <span className="min-w-0 truncate">
              <span className="font-medium">{told(event.action)}</span>{' '}
              {name(event.object) ?? slugOf(event) ? <span className="text-muted">{name(event.object) ?? slugOf(event)}</span> : <code className="font-mono text-xs text-muted">{event.object}</code>}
            </span>
            <span className="shrink-0 text-xs text-muted">
              <RelativeTime time={event.time} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}
