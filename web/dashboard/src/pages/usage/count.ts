import type { Schemas } from '~/session'

export type Line = Schemas['Usage']
export type Group = 'outcome' | 'key' | 'application'
export type Filter = { outcome: string; key: string; application: string }

/** Outcomes of the gate that let a request through. */
export const through = new Set(['allowed', 'public'])
/** What is counted beside requests: exchanges, and calls of this API. */
export const beside = new Set(['issued', 'renewed', 'narrowed', 'exchanged', 'admin'])

/** What stands for lines without the member that is grouped by. */
export const nobody = '—'

/** All UTC days of a month `2026-11`, up to today. */
export function daysOf(month: string, today: string): string[] {
  const [year = 0, number = 0] = month.split('-').map(Number)
  const count = new Date(Date.UTC(year, number, 0)).getUTCDate()
  const days = Array.from({ length: count }, (_, day) => `${month}-${String(day + 1).padStart(2, '0')}`)
  return days.filter((day) => day <= today)
}

/** The month and those before it. */
export function monthsUntil(today: string, count: number): string[] {
  const [year = 0, month = 1] = today.split('-').map(Number)
  return Array.from({ length: count }, (_, back) => new Date(Date.UTC(year, month - 1 - back, 1)).toISOString().slice(0, 7))
}

/** First moment of a month, and of the next one. */
export function boundsOf(month: string): { since: string; until: string } {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return { since: new Date(Date.UTC(year, number - 1, 1)).toISOString(), until: new Date(Date.UTC(year, number, 1)).toISOString() }
}

export function fits(line: Line, filter: Filter): boolean {
  return (!filter.outcome || line.outcome === filter.outcome) && (!filter.key || (line.key ?? nobody) === filter.key) && (!filter.application || (line.application ?? nobody) === filter.application)
}

export type Series = { id: string; total: number; through: number; perDay: number[]; rest?: boolean }

/** Adds lines up by what they are grouped by, the largest first; beyond `most` groups the smallest become one, the rest. */
export function seriesOf(lines: readonly Line[], group: Group, days: readonly string[], most: number): Series[] {
  const at = new Map(days.map((day, index) => [day, index]))
  const found = new Map<string, Series>()
  for (const line of lines) {
    const index = at.get(line.day)
    if (index === undefined) continue
    const id = line[group] ?? nobody
    let series = found.get(id)
    if (!series) found.set(id, (series = { id, total: 0, through: 0, perDay: days.map(() => 0) }))
    series.total += line.count
    if (through.has(line.outcome)) series.through += line.count
    series.perDay[index]! += line.count
  }
  const sorted = [...found.values()].sort((a, b) => b.total - a.total || (a.id < b.id ? -1 : 1))
  if (sorted.length <= most) return sorted
  const rest = sorted.slice(most - 1)
  const sum = (of: (series: Series) => number) => rest.reduce((all, series) => all + of(series), 0)
  return [...sorted.slice(0, most - 1), { id: `${rest.length} others`, rest: true, total: sum((series) => series.total), through: sum((series) => series.through), perDay: days.map((_, day) => sum((series) => series.perDay[day]!)) }]
}
