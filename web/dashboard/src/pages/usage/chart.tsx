import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useTheme } from '~/theme'
import type { Series } from './count'

// Neighbours differ in lightness too, and each stands out from the ground by 3:1 or more.
export const palette = {
  light: ['#0b6b63', '#c2570c', '#3b5bdb', '#a61e4d', '#5c7a0a', '#7048c8', '#8a5a00', '#5f6b6b'],
  dark: ['#4fd1c1', '#ff9d5c', '#8ea8ff', '#ff8fb3', '#b5d553', '#c4a7ff', '#e3b341', '#9eacac'],
}

/** Days as stacked bars. The table beside it says the same; this is for the eye alone. */
export function Chart({ days, series, names, label }: { days: string[]; series: Series[]; names: string[]; label: string }) {
  const box = useRef<HTMLDivElement>(null)
  const { shown } = useTheme()
  useEffect(() => {
    const holder = box.current
    if (!holder) return
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    const bars = uPlot.paths.bars!({ size: [0.72, 48], align: 0 })
    const font = `11px ${getComputedStyle(document.body).fontFamily}`
    // Drawn from the highest sum down, so that each covers the lower part of the one before.
    const sums = series.map((_, index) => days.map((_, day) => series.slice(0, index + 1).reduce((all, one) => all + one.perDay[day]!, 0)))
    const order = series.map((_, index) => series.length - 1 - index)
    const axis = { stroke: colour('--muted'), font, grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } }
    const chart = new uPlot(
      {
        width: Math.max(holder.clientWidth, 200),
        height: 260,
        padding: [12, 8, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
        scales: { x: { time: false, range: [-0.6, days.length - 0.4] }, y: { range: (_, __, most) => [0, Math.max(most * 1.06, 4)] } },
        axes: [
          { ...axis, size: 30, grid: { show: false }, splits: () => days.map((_, index) => index).filter((index) => index % Math.max(1, Math.ceil(days.length / Math.max(1, Math.floor(holder.clientWidth / 60)))) === 0), values: (_, at) => at.map((index) => (days[index] ? dayName(days[index]) : '')) },
          { ...axis, size: 52, values: (_, at) => at.map((value) => (Number.isInteger(value) ? short.format(value) : '')) },
        ],
        series: [{}, ...order.map((index) => ({ label: names[index] ?? '', fill: palette[shown][index % 8]!, stroke: colour('--surface'), width: 1, paths: bars, points: { show: false } }))],
        hooks: { setCursor: [(self) => tell(self.cursor.idx ?? undefined)] },
      },
      [days.map((_, index) => index), ...order.map((index) => sums[index]!)] as uPlot.AlignedData,
      holder,
    )
    const tip = document.createElement('div')
    tip.className = 'pointer-events-none absolute top-2 z-10 hidden max-w-64 rounded-md border border-line bg-surface px-2.5 py-1.5 text-xs shadow-md'
    holder.append(tip)
    const tell = (index: number | undefined) => {
      const left = chart.cursor.left ?? -1
      tip.classList.toggle('hidden', index === undefined || left < 0)
      if (index === undefined || left < 0) return
      const lines = series.flatMap((one, at) => (one.perDay[index] ? [`${names[at]}: ${one.perDay[index]!.toLocaleString('en')}`] : []))
      tip.replaceChildren(
        ...[dayName(days[index]!), ...(lines.length ? lines : ['nothing'])].map((text, row) => {
          const line = document.createElement('div')
          line.textContent = text
          line.className = row === 0 ? 'font-medium' : 'truncate'
          return line
        }),
      )
      const beyond = left > holder.clientWidth / 2
      tip.style.left = beyond ? '' : `${left + 68}px`
      tip.style.right = beyond ? `${holder.clientWidth - left - 40}px` : ''
    }
    const watch = new ResizeObserver(() => chart.setSize({ width: Math.max(holder.clientWidth, 200), height: 260 }))
    watch.observe(holder)
    return () => {
      watch.disconnect()
      chart.destroy()
      tip.remove()
    }
  }, [days, series, names, shown])
  return <div ref={box} role="img" aria-label={label} className="relative h-65 w-full overflow-hidden" />
}

const short = new Intl.NumberFormat('en', { notation: 'compact' })
const named = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
const dayName = (day: string) => named.format(new Date(`${day}T00:00:00Z`))
