import { useQuery } from '@tanstack/react-query'
import { ChartColumn, Download } from 'lucide-react'
import { useMemo } from 'react'
import { Button, Card, cx, EmptyState, ErrorPanel, Field, PageHeader, Select, Skeleton } from '~/parts'
import { csvLine } from '~/parts/csv'
import { download } from '~/parts/download'
import { ok, type Schemas, useSession } from '~/session'
import { useQueryParam } from '~/shell/query'
import { useTheme } from '~/theme'
import { useNames } from '../audit/names'
import { Chart, palette } from './chart'
import { beside, boundsOf, daysOf, fits, type Group, type Line, monthsUntil, nobody, seriesOf, through } from './count'

const mostPages = 60 // of 500 lines
const number = new Intl.NumberFormat('en')
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 })
const monthName = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' })
const groups: [Group, string][] = [['outcome', 'Outcome'], ['application', 'Application'], ['key', 'Key']]

export default function Usage() {
  const { org, api } = useSession()
  const { shown } = useTheme()
  const names = useNames()
  const today = new Date().toISOString().slice(0, 10)
  const months = useMemo(() => monthsUntil(today, 13), [today])
  const [chosen, setMonth] = useQueryParam('month', months[0])
  const month = months.includes(chosen) ? chosen : months[0]!
  const [by, setBy] = useQueryParam('by', 'outcome')
  const group: Group = groups.find(([id]) => id === by)?.[0] ?? 'outcome'
  const [outcome, setOutcome] = useQueryParam('outcome')
  const [key, setKey] = useQueryParam('key')
  const [application, setApplication] = useQueryParam('application')
  const [what, setWhat] = useQueryParam('count', 'requests')

  const usage = useQuery({
    queryKey: [org, 'usage', month],
    queryFn: async ({ signal }) => {
      const lines: Line[] = []
      let cursor: string | undefined
      for (let page = 0; page < mostPages; page++) {
        const answer = (await ok(api.GET('/v1/organizations/{org}/usage', { params: { path: { org }, query: { ...boundsOf(month), limit: 500, ...(cursor && { cursor }) } }, headers: { accept: 'application/json' }, signal }))) as Schemas['UsageList']
        lines.push(...answer.items)
        cursor = answer.next_cursor
        if (!cursor) break
      }
      return { lines, more: cursor !== undefined }
    },
  })

  const label = (of: Group, id: string) => {
    if (of === 'outcome') return id.replaceAll('_', ' ')
    if (id === nobody) return of === 'key' ? 'without a key' : 'no application'
    return (of === 'key' ? names.keys : names.applications).get(id) ?? id
  }
  const all = usage.data?.lines
  const days = useMemo(() => daysOf(month, today), [month, today])
  const counted = useMemo(() => all?.filter((line) => (what === 'all' || beside.has(line.outcome) === (what === 'exchanges'))), [all, what])
  const lines = useMemo(() => counted?.filter((line) => fits(line, { outcome, key, application })) ?? [], [counted, outcome, key, application])
  const drawn = useMemo(() => seriesOf(lines, group, days, 8), [lines, group, days])
  const listed = useMemo(() => seriesOf(lines, group, days, 500), [lines, group, days])
  const labels = useMemo(() => drawn.map((series) => (series.rest ? series.id : label(group, series.id))), [drawn, group, names])
  const total = lines.reduce((sum, line) => sum + line.count, 0)
  const passed = lines.reduce((sum, line) => sum + (through.has(line.outcome) ? line.count : 0), 0)
  const choices = (of: Group) => [...new Set([...(counted ?? []).map((line) => line[of] ?? nobody), { outcome, key, application }[of]])].filter(Boolean).sort((a, b) => label(of, a).localeCompare(label(of, b)))
  const denied = lines.reduce((sum, line) => sum + (through.has(line.outcome) || beside.has(line.outcome) ? 0 : line.count), 0)
  const word = { requests: 'requests', exchanges: 'exchanges and calls', all: 'everything' }[what] ?? 'requests'

  const csv = () =>
    download(`${org}-usage-${month}.csv`, 'text/csv;charset=utf-8', [
      csvLine(['day', 'application', 'application_name', 'key', 'key_comment', 'subject', 'outcome', 'count']),
      ...lines.map((line) => csvLine([line.day, line.application, line.application && names.applications.get(line.application), line.key, line.key && names.keys.get(line.key), line.subject, line.outcome, line.count])),
    ])

  return (
    <>
      <PageHeader title="Usage" description="What was asked and what came of it, per UTC day. At most a second behind." actions={<Button icon={Download} disabled={lines.length === 0} onClick={csv}>Export CSV</Button>} />
      <div className="mb-4 grid grid-cols-2 items-end gap-3 sm:grid-cols-3 lg:grid-cols-[1.3fr_1.3fr_1fr_1.1fr_1.2fr_1fr]">
        <Field label="Month">
          <Select value={month} onChange={(event) => setMonth(event.target.value)}>
            {months.map((one) => <option key={one} value={one}>{monthName.format(new Date(`${one}-01T00:00:00Z`))}</option>)}
          </Select>
        </Field>
        <Field label="Count">
          <Select value={what} onChange={(event) => setWhat(event.target.value)}>
            <option value="requests">Requests</option>
            <option value="exchanges">Exchanges, calls</option>
            <option value="all">Everything</option>
          </Select>
        </Field>
        <Field label="Group by">
          <Select value={group} onChange={(event) => setBy(event.target.value)}>
            {groups.map(([id, text]) => <option key={id} value={id}>{text}</option>)}
          </Select>
        </Field>
        {(
          [
            ['outcome', 'Outcome', outcome, setOutcome, 'All outcomes'],
            ['application', 'Application', application, setApplication, 'All applications'],
            ['key', 'Key', key, setKey, 'All keys'],
          ] as const
        ).map(([of, title, value, set, none]) => (
          <Field key={of} label={title}>
            <Select value={value} onChange={(event) => set(event.target.value)}>
              <option value="">{none}</option>
              {choices(of).map((id) => <option key={id} value={id}>{label(of, id)}</option>)}
            </Select>
          </Field>
        ))}
      </div>
      {usage.error ? (
        <ErrorPanel error={usage.error} retry={() => void usage.refetch()} />
      ) : (
        <div className="flex flex-col gap-4">
          <dl className="grid grid-cols-1 gap-3 sm:grid-cols-3">
            <Figure title={what === 'requests' ? 'Requests' : what === 'exchanges' ? 'Exchanges and API calls' : 'Counted'} value={usage.isPending ? undefined : number.format(total)} />
            <Figure title="Let through" value={usage.isPending ? undefined : number.format(passed)} note={passed + denied > 0 ? percent.format(passed / (passed + denied)) : ''} tone="text-good" />
            <Figure title="Denied" value={usage.isPending ? undefined : number.format(denied)} note={passed + denied > 0 ? percent.format(denied / (passed + denied)) : ''} tone="text-bad" />
          </dl>
          {usage.data?.more && <p className="rounded-lg border border-warn/40 bg-warn-soft p-3 text-warn">There are more counters than fit on this page; the last days of the month may be missing. Export all of it with <code className="font-mono">daypass usage --csv</code>.</p>}
          <Card title={`${word.charAt(0).toUpperCase() + word.slice(1)} by ${group}`}>
            {usage.isPending ? (
              <Skeleton className="h-65 w-full" />
            ) : total === 0 ? (
              <EmptyState icon={ChartColumn} title="Nothing was counted">No {word} of {monthName.format(new Date(`${month}-01T00:00:00Z`))} fit. Choose another month, or clear a filter.</EmptyState>
            ) : (
              <Chart days={days} series={drawn} names={labels} label={`Stacked bars: ${word} per day by ${group}. The tables below say the same in numbers.`} />
            )}
          </Card>
          {total > 0 && (
            <>
              <div tabIndex={0} role="region" aria-label="Totals" className="max-h-120 overflow-auto rounded-lg border border-line bg-surface">
                <table className="w-full text-left">
                  <caption className="sr-only">Totals by {group}</caption>
                  <thead>
                    <tr className="text-xs text-muted *:sticky *:top-0 *:border-b *:border-line *:bg-surface *:px-4 *:py-2 *:font-medium">
                      <th scope="col">{groups.find(([id]) => id === group)![1]}</th>
                      <th scope="col" className="text-right">Count</th>
                      <th scope="col" className="text-right">Share</th>
                      {what === 'requests' && group !== 'outcome' && <th scope="col" className="hidden text-right sm:table-cell">Let through</th>}
                      {what === 'requests' && group !== 'outcome' && <th scope="col" className="hidden text-right sm:table-cell">Denied</th>}
                    </tr>
                  </thead>
                  <tbody>
                    {listed.map((series, index) => (
                      <tr key={series.id} className="*:px-4 *:py-2 not-last:*:border-b *:border-line">
                        <th scope="row" className="max-w-0 w-full font-normal">
                          <span className="flex items-center gap-2.5">
                            <span aria-hidden style={{ background: palette[shown][Math.min(index, 7)] }} className="size-2.5 shrink-0 rounded-xs" />
                            <span title={series.id} className={cx('truncate', group !== 'outcome' && label(group, series.id) === series.id && 'font-mono text-xs')}>{label(group, series.id)}</span>
                          </span>
                        </th>
                        <td className="text-right tabular-nums">{number.format(series.total)}</td>
                        <td className="text-right text-muted tabular-nums">{percent.format(series.total / total)}</td>
                        {what === 'requests' && group !== 'outcome' && <td className="hidden text-right tabular-nums sm:table-cell">{number.format(series.through)}</td>}
                        {what === 'requests' && group !== 'outcome' && <td className="hidden text-right tabular-nums sm:table-cell">{number.format(series.total - series.through)}</td>}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              <details className="rounded-lg border border-line bg-surface">
                <summary className="px-4 py-2.5 font-semibold">Day by day, in numbers</summary>
                <div tabIndex={0} role="region" aria-label="Day by day" className="max-h-120 overflow-auto border-t border-line">
                  <table className="w-full text-right">
                    <caption className="sr-only">{word} per day by {group}</caption>
                    <thead>
                      <tr className="text-xs text-muted *:sticky *:top-0 *:border-b *:border-line *:bg-surface *:px-4 *:py-2 *:font-medium">
                        <th scope="col" className="text-left">Day</th>
                        {labels.map((text, index) => <th key={index} scope="col">{text}</th>)}
                      </tr>
                    </thead>
                    <tbody>
                      {days.map((day, index) => (
                        <tr key={day} className="*:px-4 *:py-1.5 not-last:*:border-b *:border-line">
                          <th scope="row" className="text-left font-normal whitespace-nowrap">{day}</th>
                          {drawn.map((series) => <td key={series.id} className={cx('tabular-nums', !series.perDay[index] && 'text-muted')}>{number.format(series.perDay[index]!)}</td>)}
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </details>
            </>
          )}
        </div>
      )}
    </>
  )
}

function Figure({ title, value, note, tone }: { title: string; value: string | undefined; note?: string; tone?: string }) {
  return (
    <div className="rounded-lg border border-line bg-surface px-4 py-3">
      <dt className="text-xs text-muted">{title}</dt>
      <dd className="flex h-7 items-baseline gap-2">
        {value === undefined ? <Skeleton className="h-6 w-24" /> : <span className={cx('text-xl font-semibold tabular-nums', /\d/.test(value) ? tone : 'text-muted')}>{value}</span>}
        {note && <span className="text-muted">{note}</span>}
      </dd>
    </div>
  )
}
