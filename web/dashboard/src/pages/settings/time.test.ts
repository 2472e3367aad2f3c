import { expect, it } from 'vitest'
import { seconds, words, written } from './time'

it('reads and writes times', () => {
  expect(['90', '90s', '15m', '8h', '30d', '', '1w', '-1'].map(seconds)).toEqual([90, 90, 900, 28_800, 2_592_000, undefined, undefined, undefined])
  expect([90, 900, 28_800, 2_592_000, 0].map(written)).toEqual(['90s', '15m', '8h', '30d', '0s'])
  expect(words(' a, b\na ')).toEqual(['a', 'b'])
})
