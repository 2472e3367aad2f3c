import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { ok, type Schemas, useSession } from '~/session'
import { useKeyNames, usePeople } from '../keys/read'

/** What people call the things behind ids: users, keys and applications of the organization. Who may not read them sees ids. */
export function useNames(): { users: Map<string, string>; keys: Map<string, string>; applications: Map<string, string>; name: (id: string | undefined) => string | undefined } {
  const { org, api } = useSession()
  const { users } = usePeople()
  const { keys } = useKeyNames()
  const applications = useQuery({
    queryKey: [org, 'applications', 'names'],
    staleTime: 60_000,
    retry: false,
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { limit: 200 } }, signal })),
  })
  return useMemo(() => {
    const names = {
      users: new Map(users.flatMap((user) => (user.name || user.email ? [[user.id, user.name || user.email] as const] : []))),
      keys: new Map(keys.flatMap((key) => (key.comment ? [[key.id, key.comment] as const] : []))),
      applications: new Map((applications.data?.items ?? []).map((application) => [application.id, application.slug] as const)),
    }
    return { ...names, name: (id) => (id ? (names.users.get(id) ?? names.keys.get(id) ?? names.applications.get(id)) : undefined) }
  }, [users, keys, applications.data])
}

export function slugOf({ detail }: Schemas['Event']): string | undefined {
  const slug = (detail as Record<string, unknown>)['slug']
  return typeof slug === 'string' ? slug : undefined
}
