import { expect, test } from 'vitest'
import { relativeTime } from './show'

test.each([
  [0, 'just now'],
  [-59, 'just now'],
  [30, 'in a minute'],
  [-60, '1 min ago'],
  [-3_599, '59 min ago'],
  [-7_200, '2 hr ago'],
  [86_400, 'tomorrow'],
  [-3 * 604_800, '21 days ago'],
])('%i seconds from now is %j', (seconds, words) => expect(relativeTime(1e12 + seconds * 1000, 1e12)).toBe(words))
