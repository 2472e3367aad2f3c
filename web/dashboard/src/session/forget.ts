import type { QueryClient } from '@tanstack/react-query'

/** Drops what was read as somebody who is logged out now. What the login page asks stays: without it, the page would wait for ever. */
export function forgetAnswers(queries: QueryClient): void {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'login' })
  queries.getMutationCache().clear()
}
