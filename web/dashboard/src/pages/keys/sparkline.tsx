import { cx } from '~/parts'
import { type Day, type Kind, type Totals } from './usage'

const looks: Record<Kind, string> = { allowed: 'fill-good', refused: 'fill-bad', passes: 'fill-info' }
const words: Record<Kind, string> = { allowed: 'allowed', refused: 'refused', passes: 'passes made' }
const order: Kind[] = ['passes', 'allowed', 'refused']
const step = 6

/** A bar for each day, of what was allowed, refused and made into passes; `told` by day to the pointer. */
export function Sparkline({ days, told = false, className }: { days: readonly Day[]; told?: boolean; className?: string }) {
  const most = Math.max(1, ...days.map((day) => day.allowed + day.refused + day.passes))
  const sum = (kind: Kind) => days.reduce((total, day) => total + day[kind], 0)
  const height = 24
  const tops = days.map(() => height)
  // One path for each kind, as a list has many of these.
  const bars = order.map((kind) => ({
    kind,
    path: days
      .map((day, index) => {
        if (day[kind] === 0) return ''
        const size = Math.max(1.5, (day[kind] / most) * (height - 2))
        const top = Math.max(0, tops[index]! - size)
        const bar = `M${index * step + 0.5} ${top}h${step - 1}V${tops[index]}h${1 - step}z`
        tops[index] = top
        return bar
      })
      .join(''),
  }))
  return (
    <svg
      role="img"
      aria-label={`Last ${days.length} days: ${order.map((kind) => `${sum(kind)} ${words[kind]}`).join(', ')}`}
      viewBox={`0 0 ${days.length * step} ${height}`}
      preserveAspectRatio="none"
      className={className ?? 'h-6 w-full'}
    >
      <path d={days.map((_, index) => `M${index * step + 0.5} ${height - 0.75}h${step - 1}v0.75h${1 - step}z`).join('')} className="fill-line-strong/50" />
      {bars.map(({ kind, path }) => path && <path key={kind} d={path} className={looks[kind]} />)}
      {told &&
        days.map((day, index) => (
          <rect key={day.day} x={index * step} y={0} width={step} height={height} className="fill-transparent">
            <title>{`${day.day}: ${order.map((kind) => `${day[kind]} ${words[kind]}`).join(', ')}`}</title>
          </rect>
        ))}
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
