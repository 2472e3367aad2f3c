import { Badge, ErrorPanel, RelativeTime, Skeleton } from '~/parts'
import type { Schemas } from '~/session'
import type { Comparison } from './data'

const words = { newly_denied: 'Newly denied', newly_allowed: 'Newly allowed', denied_otherwise: 'Denied for another reason' }
const tones = { newly_denied: 'bad', newly_allowed: 'warn', denied_otherwise: 'plain' } as const
const count = new Intl.NumberFormat('en')

/** What shadow mode or a replay found. */
export function ComparisonView({ comparison, error, retry, keyNames }: { comparison: Comparison | undefined; error: Error | null; retry?: () => void; keyNames: ReadonlyMap<string, string> }) {
  if (error) return <ErrorPanel error={error} {...(retry && { retry })} />
  if (!comparison) return <Skeleton className="h-24 w-full" />
  const { requests, differences, kept, oldest, not_told_apart: blurred } = comparison
  return (
    <div className="flex flex-col gap-3">
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
        <Figure title="Requests looked at" value={requests} />
        <Figure title="Newly denied" value={comparison.newly_denied} tone={comparison.newly_denied ? 'text-bad' : ''} />
        <Figure title="Newly allowed" value={comparison.newly_allowed} tone={comparison.newly_allowed ? 'text-warn' : ''} />
        <Figure title="Denied otherwise" value={comparison.denied_otherwise} />
      </dl>
      <p className="text-xs text-muted">
        {kept === 0 ? (
          'The server keeps no requests (facts_keep is 0), so there is nothing to compare.'
        ) : (
          <>
            Requests are kept for {span(kept)}
            {oldest && (
              <>
                ; the oldest of this application is from <RelativeTime time={oldest} />
              </>
            )}
            .{comparison.more && ' Older ones were left out.'}
            {blurred > 0 && ` ${count.format(blurred)} refused requests without a key came in such numbers that their paths were not kept.`}
          </>
        )}
      </p>
      {requests > 0 && differences.length === 0 && <p className="rounded-lg border border-line bg-good-soft p-3 text-good">No request would have been answered differently.</p>}
      {requests === 0 && kept > 0 && <p className="rounded-lg border border-line bg-sunken p-3">No requests are kept since the files last changed. Send some, and look again.</p>}
      {differences.length > 0 && (
        <ul className="flex flex-col gap-2">
          {differences.map((difference, index) => (
            <Entry key={index} difference={difference} keyNames={keyNames} />
          ))}
        </ul>
      )}
      {comparison.more_differences > 0 && <p className="text-muted">{count.format(comparison.more_differences)} more are not listed.</p>}
    </div>
  )
}

function Figure({ title, value, tone }: { title: string; value: number; tone?: string }) {
  return (
    <div className="rounded-lg border border-line bg-surface px-3 py-2">
      <dt className="text-xs text-muted">{title}</dt>
      <dd className={`text-lg font-semibold tabular-nums ${tone ?? ''}`}>{count.format(value)}</dd>
    </div>
  )
}

function Entry({ difference, keyNames }: { difference: Schemas['Difference']; keyNames: ReadonlyMap<string, string> }) {
  const { was, is, keys } = difference
  return (
    <li className="rounded-lg border border-line bg-surface p-3">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Badge tone={tones[difference.change]}>{words[difference.change]}</Badge>
        <span className="font-medium">{count.format(difference.requests)} {difference.requests === 1 ? 'request' : 'requests'}</span>
        <span className="text-xs text-muted">
          the last <RelativeTime time={difference.last} />
        </span>
      </p>
      <dl className="mt-2 grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-0.5">
        <dt className="text-muted">was</dt>
        <dd><Verdict {...was} /></dd>
        <dt className="text-muted">would be</dt>
        <dd><Verdict {...is} /></dd>
        <dt className="text-muted">by</dt>
        <dd className="break-words">
          {[
            ...keys.map((key) => `${keyNames.get(key.key) ?? key.key} (${count.format(key.requests)})`),
            difference.more_keys ? `${difference.more_keys} more keys` : '',
            difference.anonymous ? `without a key (${count.format(difference.anonymous)})` : '',
          ]
            .filter(Boolean)
            .join(', ')}
        </dd>
        <dt className="text-muted">such as</dt>
        <dd className="font-mono text-xs leading-5 break-all">{difference.samples.join(', ')}</dd>
      </dl>
    </li>
  )
}

function Verdict({ reason, rule, missing }: Schemas['Verdict']) {
  return (
    <span className="break-words">
      <code className="font-mono text-xs">{reason}</code>
      {rule && <> by <code className="font-mono text-xs break-all">{rule}</code></>}
      {missing && <>, lacking <code className="font-mono text-xs break-all">{missing}</code></>}
    </span>
  )
}

function span(seconds: number): string {
  const [size, unit] = seconds % 86_400 === 0 ? [86_400, 'day'] : seconds % 3600 === 0 ? [3600, 'hour'] : [60, 'minute']
  const value = Math.round(seconds / size!)
  return `${value} ${unit}${value === 1 ? '' : 's'}`
}
