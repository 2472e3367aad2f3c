import { expect, test } from 'vitest'
import { plainCode, scopesOf } from './code'

test.each([
  ['WDJB-MJHT', 'WDJB-MJHT'],
  [' wdjb mjht ', 'WDJB-MJHT'],
  ['wdjbmjht', 'WDJB-MJHT'],
  ['WDJB–MJHT', 'WDJB-MJHT'], // a dash as word processors make it
  ['wdj', 'WDJ'],
  ['', ''],
])('the code %j is %j', (typed, plain) => expect(plainCode(typed)).toBe(plain))

test('scopes are told apart by blanks, commas and lines', () => {
  expect(scopesOf(' photos:read, photos:write\nphotos:read ')).toEqual(['photos:read', 'photos:write'])
})
