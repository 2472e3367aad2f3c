import { expect, it } from 'vitest'
import { boundsOf, daysOf, monthsUntil, seriesOf } from './count'

it('knows months', () => {
  expect(daysOf('2026-02', '2026-11-22')).toHaveLength(28)
  expect(daysOf('2026-11', '2026-11-22').at(-1)).toBe('2026-11-22')
  expect(monthsUntil('2026-01-31', 3)).toEqual(['2026-01', '2025-12', '2025-11'])
  expect(boundsOf('2025-12')).toEqual({ since: '2025-12-01T00:00:00.000Z', until: '2026-01-01T00:00:00.000Z' })
})

it('adds up, and makes the smallest one', () => {
  const lines = ['allowed', 'public', 'no_rule', 'scope_missing'].flatMap((outcome, index) => [
    { day: '2026-11-01', outcome, count: 10 - index },
    { day: '2026-11-02', outcome, count: 1 },
    { day: '2026-10-31', outcome, count: 99 },
  ])
  const series = seriesOf(lines, 'outcome', ['2026-11-01', '2026-11-02'], 3)
  expect(series.map((one) => [one.id, one.total, one.through, one.perDay])).toEqual([
    ['allowed', 11, 11, [10, 1]],
    ['public', 10, 10, [9, 1]],
    ['2 others', 17, 0, [15, 2]],
  ])
  expect(seriesOf(lines, 'key', ['2026-11-01', '2026-11-02'], 3).map((one) => one.id)).toEqual(['—'])
})
