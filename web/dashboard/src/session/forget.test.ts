import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { expect, it } from 'vitest'
import { forgetAnswers } from './forget'

it('drops what somebody read, and lets the login page have its answer', async () => {
  const queries = new QueryClient()
  queries.setQueryData(['acme', 'keys'], ['secret'])
  const answer = new Promise<string>((resolve) => {
    new QueryObserver(queries, { queryKey: ['login', ''], queryFn: async ({ signal }) => (await Promise.resolve(), signal.throwIfAborted(), 'options') }).subscribe(({ data }) => data && resolve(data))
  })
  forgetAnswers(queries)
  expect(queries.getQueryData(['acme', 'keys'])).toBeUndefined()
  expect(await answer).toBe('options')
})
