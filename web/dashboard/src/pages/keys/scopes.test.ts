import { expect, test } from 'vitest'
import containment from '../../../../../scope/testdata/containment.json'
import match from '../../../../../scope/testdata/match.json'
import { covers, holds, scopeError, scopesOf } from './scopes'

test('patterns match what the gate matches', () => {
  const cases = (match as { pattern: unknown; scope: unknown; expected: boolean; safe?: boolean }[]).filter(
    (item): item is { pattern: string; scope: string; expected: boolean; safe: true } =>
      item.safe === true && typeof item.pattern === 'string' && typeof item.scope === 'string' && !scopeError(item.pattern) && !scopeError(item.scope) && !item.scope.includes('*'),
  )
  expect(cases.length).toBeGreaterThan(20)
  for (const { pattern, scope, expected } of cases) expect([pattern, scope, covers(pattern, scope)]).toEqual([pattern, scope, expected])
})

test('what is asked lies within what is held', () => {
  const cases = (containment as { held: string[]; ask: string; issue: boolean | string }[]).filter(
    ({ held, ask, issue }) => typeof issue === 'boolean' && ![...held, ask].some(scopeError),
  )
  expect(cases.length).toBeGreaterThan(5)
  for (const { held, ask, issue } of cases) expect([held, ask, holds(held, ask)]).toEqual([held, ask, issue])
})

test('a wildcard is not a literal, and the same text is not used twice', () => {
  expect(covers('a*a', 'a')).toBe(false)
  expect(covers('a*b*a', 'aba')).toBe(true)
  expect(covers('*:read', 'photos:*')).toBe(false)
  expect(covers('photos:**', 'photos:*')).toBe(true)
})

test('what is no scope is told', () => {
  expect(scopeError('photos:read')).toBeUndefined()
  for (const text of ['photos:', ':read', 'a::b', 'fotos lesen', '!a', 'é']) expect(scopeError(text)).toBeTruthy()
  expect(scopesOf(' a, b\n\na ')).toEqual(['a', 'b'])
})
