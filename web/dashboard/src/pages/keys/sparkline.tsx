import { cx } from '~/parts'
import { type Day, type Kind, type Totals } from './usage'

const looks: Record<Kind, string> = { allowed: 'fill-good', refused: 'fill-bad', passes: 'fill-info' }
const words: Record<Kind, string> = { allowed: 'allowed', refused: 'refused', passes: 'passes made' }
const order: Kind[] = ['passes', 'allowed', 'refused']
const step = 6

/** A bar for each day, of what was allowed, refused and made into passes. */
export function Sparkline({ days, className }: { days: readonly Day[]; className?: string }) {
  const most = Math.max(1, ...days.map((day) => day.allowed + day.refused + day.passes))
  const sum = (kind: Kind) => days.reduce((total, day) => total + day[kind], 0)
  const height = 24
  return (
    <svg
      role="img"
      aria-label={`Last ${days.length} days: ${order.map((kind) => `${sum(kind)} ${words[kind]}`).join(', ')}`}
      viewBox={`0 0 ${days.length * step} ${height}`}
      preserveAspectRatio="none"
      className={className ?? 'h-6 w-full'}
    >
      {days.map((day, index) => {
        let top = height
        return (
          <g key={day.day}>
            <title>{`${day.day}: ${order.map((kind) => `${day[kind]} ${words[kind]}`).join(', ')}`}</title>
            <rect x={index * step} y={0} width={step} height={height} className="fill-transparent" />
            <rect x={index * step + 0.5} y={height - 0.75} width={step - 1} height={0.75} className="fill-line-strong/50" />
            {order.map((kind) => {
              if (day[kind] === 0) return null
              const size = Math.max(1.5, (day[kind] / most) * (height - 2))
              top -= size
              return <rect key={kind} x={index * step + 0.5} y={Math.max(0, top)} width={step - 1} height={size} className={looks[kind]} />
            })}
          </g>
        )
      })}
    </svg>
  )
}

/** What the colours of a Sparkline mean, with the numbers. */
export function UsageLegend({ totals, className }: { totals: Totals; className?: string }) {
  return (
    <ul className={cx('flex flex-wrap gap-x-4 gap-y-1 text-xs', className)}>
      {(['allowed', 'refused', 'passes'] as const).map((kind) => (
        <li key={kind} className="flex items-center gap-1.5">
          <svg aria-hidden viewBox="0 0 8 8" className="size-2">
            <rect width="8" height="8" rx="1.5" className={looks[kind]} />
          </svg>
          <span className="font-medium tabular-nums">{totals[kind].toLocaleString('en')}</span>
          <span className="text-muted">{words[kind]}</span>
        </li>
      ))}
    </ul>
  )
}
