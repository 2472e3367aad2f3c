import type { Schemas } from '~/session'

type Line = Pick<Schemas['Usage'], 'day' | 'outcome' | 'count'>

/** What became of requests: let through, refused, or a pass that was made. */
export type Kind = 'allowed' | 'refused' | 'passes'
export type Day = { day: string } & Record<Kind, number>

/** Calls of this API, `admin`, are none of these. */
export function kindOf(outcome: string): Kind | undefined {
  if (outcome === 'admin') return undefined
  if (outcome === 'allowed' || outcome === 'public') return 'allowed'
  if (outcome === 'issued' || outcome === 'renewed' || outcome === 'narrowed' || outcome === 'exchanged') return 'passes'
  return 'refused'
}

/** The UTC day that lies so many days before now. */
export function dayBefore(days: number, now: number): string {
  return new Date(now - days * 86_400_000).toISOString().slice(0, 10)
}

/** The counters of the last days, today last, with nothing left out. */
export function byDay(lines: readonly Line[], days: number, now: number): Day[] {
  const all = new Map<string, Day>()
  for (let back = days - 1; back >= 0; back--) {
    const day = dayBefore(back, now)
    all.set(day, { day, allowed: 0, refused: 0, passes: 0 })
  }
  for (const line of lines) {
    const day = all.get(line.day)
    const kind = kindOf(line.outcome)
    if (day && kind) day[kind] += line.count
  }
  return [...all.values()]
}

export type Totals = Record<Kind, number> & { outcomes: [string, number][] }

/** What the counters come to, and each outcome by itself, the most frequent first. */
export function totals(lines: readonly Line[]): Totals {
  const sum: Record<Kind, number> = { allowed: 0, refused: 0, passes: 0 }
  const outcomes = new Map<string, number>()
  for (const line of lines) {
    const kind = kindOf(line.outcome)
    if (kind) sum[kind] += line.count
    outcomes.set(line.outcome, (outcomes.get(line.outcome) ?? 0) + line.count)
  }
  return { ...sum, outcomes: [...outcomes].sort((a, b) => b[1] - a[1]) }
}

const many = new Intl.NumberFormat('en')

/** `3 passes`, `1 pass`, `no passes`. */
export function count(number: number, one: string, more = `${one}s`): string {
  return `${number === 0 ? 'no' : many.format(number)} ${number === 1 ? one : more}`
}
