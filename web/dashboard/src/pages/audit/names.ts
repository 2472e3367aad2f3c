import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { ok, useSession } from '~/session'

const most = 10 // pages of 200

type Page<Row> = { items: Row[]; next_cursor?: string }

async function all<Row>(read: (query: { limit: number; cursor?: string }) => Promise<Page<Row>>): Promise<Row[]> {
  const rows: Row[] = []
  let cursor: string | undefined
  for (let page = 0; page < most; page++) {
    const answer = await read({ limit: 200, ...(cursor && { cursor }) })
    rows.push(...answer.items)
    cursor = answer.next_cursor
    if (!cursor) break
  }
  return rows
}

/** What people call the things behind ids: users, keys and applications of the organization. Who may not read them sees ids. */
export function useNames(): { users: Map<string, string>; keys: Map<string, string>; applications: Map<string, string>; name: (id: string | undefined) => string | undefined } {
  const { org, api } = useSession()
  const path = { org }
  const quiet = { retry: false, staleTime: 60_000 } as const
  const users = useQuery({ ...quiet, queryKey: [org, 'users', 'names'], queryFn: ({ signal }) => all((query) => ok(api.GET('/v1/organizations/{org}/users', { params: { path, query }, signal }))) })
  const keys = useQuery({ ...quiet, queryKey: [org, 'keys', 'names'], queryFn: ({ signal }) => all((query) => ok(api.GET('/v1/organizations/{org}/keys', { params: { path, query }, signal }))) })
  const applications = useQuery({ ...quiet, queryKey: [org, 'applications', 'names'], queryFn: ({ signal }) => all((query) => ok(api.GET('/v1/organizations/{org}/applications', { params: { path, query }, signal }))) })
  return useMemo(() => {
    const names = {
      users: new Map((users.data ?? []).flatMap((user) => (user.name || user.email ? [[user.id, user.name || user.email] as const] : []))),
      keys: new Map((keys.data ?? []).flatMap((key) => (key.comment ? [[key.id, key.comment] as const] : []))),
      applications: new Map((applications.data ?? []).map((application) => [application.id, application.slug] as const)),
    }
    return { ...names, name: (id) => (id ? (names.users.get(id) ?? names.keys.get(id) ?? names.applications.get(id)) : undefined) }
  }, [users.data, keys.data, applications.data])
}
