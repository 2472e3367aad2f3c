// What the pages of keys and passes read of their surroundings. Who may not read
// something sees ids instead of names, and types what could have been chosen.
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Sample } from '~/parts/key-snippets'
import { api, ok, Problem, type Schemas, session, useSession } from '~/session'
import { useMe } from '~/session/me'
import { type Route, routesOf, sample } from './routes'
import { holds } from './scopes'
import { dayBefore } from './usage'

type Page<Row> = { items: Row[]; next_cursor?: string }

/** The pages of a list one after the other, but no more than so many. */
export async function pages<Row>(most: number, read: (cursor: { cursor?: string }) => Promise<Page<Row>>): Promise<{ rows: Row[]; more: boolean }> {
  const rows: Row[] = []
  let next: string | undefined
  for (let page = 0; page < most; page++) {
    const answer = await read(next ? { cursor: next } : {})
    rows.push(...answer.items)
    next = answer.next_cursor
    if (!next) return { rows, more: false }
  }
  return { rows, more: true }
}

export type People = { users: Schemas['User'][]; name: (id: string) => string }

/** The users of the organization, for names and to choose from. */
export function usePeople(): People {
  const { org } = useSession()
  const { data } = useQuery({
    queryKey: [org, 'users', 'names'],
    staleTime: 60_000,
    retry: false,
    queryFn: ({ signal }) => pages(5, (cursor) => ok(api.GET('/v1/organizations/{org}/users', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal }))),
  })
  return useMemo(() => {
    const users = data?.rows ?? []
    const names = new Map(users.map((user) => [user.id, user.name || user.email]))
    return { users, name: (id) => names.get(id) || id }
  }, [data])
}

/** The keys of the organization, for their comments and to choose from. */
export function useKeyNames(): { keys: Schemas['Key'][]; name: (id: string) => string } {
  const { org } = useSession()
  const { data } = useQuery({
    queryKey: [org, 'keys', 'names'],
    staleTime: 60_000,
    retry: false,
    queryFn: ({ signal }) => pages(5, (cursor) => ok(api.GET('/v1/organizations/{org}/keys', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal }))),
  })
  return useMemo(() => {
    const keys = data?.rows ?? []
    const names = new Map(keys.map((key) => [key.id, key.comment]))
    return { keys, name: (id) => names.get(id) || id }
  }, [data])
}

/** The rules of all applications that can be read, in the order of the applications. */
export function useRoutes(enabled = true): { routes: Route[]; loading: boolean; error: Error | null } {
  const { org } = useSession()
  const { data, isPending, error } = useQuery({
    queryKey: [org, 'applications', 'routes'],
    enabled,
    staleTime: 60_000,
    retry: false,
    queryFn: async ({ signal }) => {
      const { rows } = await pages(1, (cursor) => ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { ...cursor, limit: 50 } }, signal })))
      const files = await Promise.all(
        rows.map(async (application) => {
          const answer = await session.fetch(`/v1/organizations/${encodeURIComponent(org)}/applications/${application.id}`, { headers: { accept: 'application/json' }, signal })
          if (answer.status === 403 || answer.status === 404) return []
          if (!answer.ok) throw await Problem.from(answer)
          return routesOf(application, await answer.json())
        }),
      )
      return files.flat()
    },
  })
  return { routes: data ?? [], loading: isPending, error }
}

/** What passes with these scopes can ask for: of the rules that can be read, the first for reading that they open whatever the role. */
export function useSample(scopes: readonly string[] | undefined): Sample {
  const { routes } = useRoutes(scopes !== undefined)
  const gateway = useMe()?.gateway
  return useMemo(() => {
    const opened = ({ access, roles, scopes: needed }: Route) => /require|authenticated/.test(access) && roles.length === 0 && needed.every((scope) => holds(scopes ?? [], scope))
    const asked = routes.filter(opened).map(sample).find(({ method }) => method === 'GET')
    return { gateway, host: asked?.host, path: asked?.path ?? '/' }
  }, [routes, gateway, scopes])
}

/** The counters of the last days, of one key or of all. */
export function useUsage(days: number, key?: string) {
  const { org } = useSession()
  return useQuery({
    queryKey: [org, 'usage', 'keys', days, key ?? ''],
    staleTime: 15_000,
    retry: false,
    queryFn: async ({ signal }) => {
      const since = `${dayBefore(days - 1, Date.now())}T00:00:00Z`
      const { rows } = await pages(
        6,
        (cursor) => ok(api.GET('/v1/organizations/{org}/usage', { params: { path: { org }, query: { ...cursor, limit: 500, since, format: 'json', ...(key && { key }) } }, signal })) as Promise<Schemas['UsageList']>,
      )
      return rows
    },
  })
}

/** The passes of a key that live; `more` where there are even more than were read. */
export function useLivePasses(key: string) {
  const { org } = useSession()
  return useQuery({
    queryKey: [org, 'tokens', 'of', key],
    queryFn: ({ signal }) => pages(3, (cursor) => ok(api.GET('/v1/organizations/{org}/tokens', { params: { path: { org }, query: { ...cursor, key, limit: 200 } }, signal }))),
  })
}
