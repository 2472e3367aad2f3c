import { expect, it } from 'vitest'
import { claimsOf, claimsText } from './recipes'

it('reads claims line by line and writes them again', () => {
  const claims = { repository: 'acme/photos', ref: 'refs/heads/main=x' }
  expect(claimsOf(claimsText(claims) + '\n\n')).toEqual(claims)
  expect(claimsOf('repository')).toBeUndefined()
  expect(claimsOf('=x')).toBeUndefined()
})
