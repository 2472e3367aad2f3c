import { Check, Minus, X } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Schemas } from '~/session/schemas'
import { cx } from './cx'
import { Badge, Card, CodeBlock } from './show'

const outcomes = { pass: ['passed', Check, 'text-good'], fail: ['failed', X, 'text-bad'], skipped: ['not made', Minus, 'text-muted'] } as const

/** A decision of the gate: the verdict, the smallest change that would let the request through, and every check in order. `fixes` says where to make the change. */
export function Explained({ told, onLine, fixes }: { told: Schemas['Explanation']; onLine?: (line: number) => void; fixes?: ReactNode }) {
  return (
    <div className="flex flex-col gap-4">
      <div className={cx('rounded-lg border p-4', told.allow ? 'border-good/40 bg-good-soft' : 'border-bad/40 bg-bad-soft')}>
        <p className={cx('flex flex-wrap items-center gap-x-3 gap-y-1 text-base font-semibold', told.allow ? 'text-good' : 'text-bad')}>
          {told.allow ? 'Let through' : 'Denied'}
          <span className="text-sm font-normal">status {told.status}</span>
          <code className="font-mono text-sm font-normal">{told.reason}</code>
        </p>
        {told.resource && (
          <p className="mt-1">
            by the rule <code className="font-mono text-xs break-all">{told.resource}</code>
            {told.line ? (
              <>
                {' '}
                {onLine ? (
                  <button type="button" onClick={() => onLine(told.line!)} className="text-accent underline underline-offset-2">
                    line {told.line}
                  </button>
                ) : (
                  `in line ${told.line}`
                )}
              </>
            ) : null}
          </p>
        )}
      </div>
      {told.fix && (
        <Card title="What would let it through">
          <CodeBlock label="The smallest change" wrap>
            {told.fix}
          </CodeBlock>
          {fixes}
        </Card>
      )}
      <Card title="Every check, in order">
        <ol className="flex flex-col gap-2">
          {told.checks.map((check) => {
            const [word, Icon, tone] = outcomes[check.outcome]
            return (
              <li key={check.name} className="flex items-start gap-2.5">
                <Icon aria-hidden className={cx('mt-0.5 size-4 shrink-0', tone)} />
                <span className={cx('min-w-0 break-words', check.outcome === 'skipped' && 'text-muted')}>
                  <span className="font-medium">{check.name.replaceAll('_', ' ')}</span> <span className={tone}>{word}</span>
                  {check.sentence && <span className="block text-muted">{check.sentence}</span>}
                </span>
              </li>
            )
          })}
        </ol>
      </Card>
      {told.shadow && (
        <Card title="If what is in shadow mode were enforced" actions={<Badge tone={told.shadow.allow ? 'good' : 'bad'}>{told.shadow.allow ? 'let through' : 'denied'}</Badge>}>
          <p>
            status {told.shadow.status}, <code className="font-mono text-xs">{told.shadow.reason}</code>
            {told.shadow.resource && (
              <>
                {' '}
                by <code className="font-mono text-xs break-all">{told.shadow.resource}</code>
              </>
            )}
          </p>
          {told.shadow.fix && <p className="mt-2 text-muted">{told.shadow.fix}</p>}
        </Card>
      )}
    </div>
  )
}
