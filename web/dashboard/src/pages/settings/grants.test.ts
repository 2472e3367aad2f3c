import { expect, it } from 'vitest'
import { grantOf, rowOf } from './grants'

it('keeps a grant as it was', () => {
  const grant = { when: { groups: 'operators', '/a/b': 'x=y' }, scopes: ['daypass:*'], roles: ['account_manager', 'consumer@photos'] }
  expect(grantOf(rowOf(grant))).toEqual(grant)
  expect(grantOf(rowOf({}))).toEqual({ when: {}, scopes: [], roles: [] })
})

it('knows claims that are none', () => {
  expect(grantOf({ when: 'groups', scopes: '', roles: '' })).toBeUndefined()
  expect(grantOf({ when: 'groups=', scopes: '', roles: '' })).toBeUndefined()
})
