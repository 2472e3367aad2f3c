import { expect, test } from 'vitest'
import { byDay, count, totals } from './usage'

const now = Date.UTC(2026, 2, 3, 0, 30)
const lines = [
  { day: '2026-03-03', outcome: 'allowed', count: 3 },
  { day: '2026-03-03', outcome: 'scope_missing', count: 2 },
  { day: '2026-03-01', outcome: 'issued', count: 1 },
  { day: '2026-02-01', outcome: 'allowed', count: 9 },
]

test('days without requests are there, older ones are not', () => {
  expect(byDay(lines, 3, now)).toEqual([
    { day: '2026-03-01', allowed: 0, refused: 0, passes: 1 },
    { day: '2026-03-02', allowed: 0, refused: 0, passes: 0 },
    { day: '2026-03-03', allowed: 3, refused: 2, passes: 0 },
  ])
})

test('outcomes are summed', () => {
  expect(totals(lines)).toEqual({
    allowed: 12,
    refused: 2,
    passes: 1,
    outcomes: [
      ['allowed', 12],
      ['scope_missing', 2],
      ['issued', 1],
    ],
  })
  expect([0, 1, 1200].map((number) => count(number, 'pass', 'passes'))).toEqual(['no passes', '1 pass', '1,200 passes'])
})

test('counts calls of this API as nothing that was refused', () => {
  expect(totals([{ day: '2026-01-05', outcome: 'admin', count: 3 }])).toEqual({ allowed: 0, refused: 0, passes: 0, outcomes: [['admin', 3]] })
})
