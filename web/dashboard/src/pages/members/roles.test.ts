import { describe, expect, it } from 'vitest'
import { isLastAdministrator, mayGive, placesOf, sameRoles, scopesOf, splitScopes, toggle } from './roles'

const role = (name: string, scopes: string[]) => ({ name, scopes, builtin: scopes[0] === '*', comment: '' })
const roles = [role('developer', ['*']), role('viewer', ['photos:read']), role('editor', ['photos:write', 'photos:read'])]

describe('roles', () => {
  it('gives and takes a role in one place alone', () => {
    const held = toggle(['developer'], 'developer', 'photos', true)
    expect(held).toEqual(['developer', 'developer@photos'])
    expect(toggle(held, 'developer', '', false)).toEqual(['developer@photos'])
    expect(placesOf(held)).toEqual(['photos'])
    expect(sameRoles(held, ['developer@photos', 'developer'])).toBe(true)
    expect(sameRoles(held, ['developer'])).toBe(false)
  })

  it('adds up the scopes of custom roles; a built-in one gives any', () => {
    expect(scopesOf(['viewer@photos', 'editor'], roles)).toEqual(['photos:read', 'photos:write'])
    expect(scopesOf(['viewer', 'developer@photos'], roles)).toEqual(['*'])
    expect(scopesOf([], roles)).toEqual([])
  })

  it('lets nobody give more than they hold', () => {
    expect(mayGive(['account_manager'], 'administrator', '')).toBe(false)
    expect(mayGive(['account_manager'], 'developer', 'photos')).toBe(true)
    expect(mayGive(['developer@photos'], 'developer', 'photos')).toBe(true)
    expect(mayGive(['developer@photos'], 'developer', '')).toBe(false)
    expect(mayGive(['administrator'], 'administrator', '')).toBe(true)
  })

  it('knows the last active administrator', () => {
    const member = (user: string, held: string[], active = true) => ({ id: user, user, organization: 'acme', roles: held, comment: '', active, created: '', revision: 1 })
    const first = member('usr_1', ['administrator'])
    expect(isLastAdministrator(first, [first, member('usr_2', ['administrator'], false), member('usr_3', ['developer'])])).toBe(true)
    expect(isLastAdministrator(first, [first, member('usr_2', ['administrator'])])).toBe(false)
    expect(isLastAdministrator(member('usr_3', ['developer']), [first])).toBe(false)
  })

  it('takes scopes as people type them', () => {
    expect(splitScopes(' photos:read, photos:write\nphotos:read ')).toEqual(['photos:read', 'photos:write'])
  })
})
