import { expect, it } from 'vitest'
import { csvLine } from '~/parts/csv'
import { queryOf, told } from './filters'

it('writes CSV that no spreadsheet runs', () => {
  expect(csvLine(['a', 'say "no"', 'two\nlines', '=1+1', '-x', 3, undefined])).toBe('a,"say ""no""","two\nlines",\'=1+1,\'-x,3,\r\n')
})

it('makes a query of the filters', () => {
  const none = { action: '', actor: '', object: '', time: '', since: '', until: '' }
  expect(queryOf(none, 0)).toEqual({})
  expect(queryOf({ ...none, action: ' key ', time: '1h' }, Date.UTC(2026, 0, 5, 9))).toEqual({ action: 'key', since: '2026-01-05T08:00:00.000Z' })
  expect(queryOf({ ...none, time: 'custom', since: 'nonsense', until: '2026-01-05T09:00:00Z' }, 0)).toEqual({ until: '2026-01-05T09:00:00.000Z' })
  expect(told('password.reset_requested')).toBe('Password reset requested')
})
