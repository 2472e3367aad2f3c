import { useQuery } from '@tanstack/react-query'
import { ok, type Schemas, useSession } from '~/session'
import { useAll } from '~/session/all'
import { type Pages, usePages } from '~/session/pages'

export type Membership = Schemas['Membership']
export type User = Schemas['User']
/** A membership with who holds it, as far as that may be seen. */
export type Member = Membership & { who: User | undefined }

/** The members that a text is found in, page by page: each of memberships with the same of their users. */
export function useMembers(q: string): Pages<Member> {
  const { org, api } = useSession()
  return usePages([org, 'memberships', 'list', q], async ({ cursor }, signal) => {
    const at: { memberships?: string; users?: string } = cursor ? JSON.parse(cursor) : {}
    const query = (from: string | undefined) => ({ limit: 200, ...(from && { cursor: from }), ...(q && { q }) })
    const [memberships, users] = await Promise.all([
      ok(api.GET('/v1/organizations/{org}/memberships', { params: { path: { org }, query: query(at.memberships) }, signal })),
      // Without the users their ids are shown.
      cursor && !at.users ? undefined : ok(api.GET('/v1/organizations/{org}/users', { params: { path: { org }, query: query(at.users) }, signal })).catch(() => undefined),
    ])
    const known = new Map(users?.items.map((user) => [user.id, user]))
    const next = memberships.next_cursor && JSON.stringify({ memberships: memberships.next_cursor, users: users?.next_cursor })
    return { items: memberships.items.map((membership): Member => ({ ...membership, who: known.get(membership.user) })), ...(next && { next_cursor: next }) }
  })
}

/** One member, by id; what a list knows of it is shown until it is read. */
export function useMember(user: string, listed: Member | undefined) {
  const { org, api } = useSession()
  const params = { path: { org, user } }
  return useQuery({
    queryKey: [org, 'memberships', 'one', user],
    enabled: user !== '',
    ...(listed && { initialData: listed, initialDataUpdatedAt: 0 }),
    queryFn: async ({ signal }): Promise<Member> => {
      const [membership, who] = await Promise.all([
        ok(api.GET('/v1/organizations/{org}/memberships/{user}', { params, signal })),
        ok(api.GET('/v1/organizations/{org}/users/{user}', { params, signal })).catch(() => undefined),
      ])
      return { ...membership, who }
    },
  })
}

/** Who holds a role, anywhere in the organization; more than a page of them are not told apart. */
export function useHolders(role: string) {
  const { org, api } = useSession()
  return useQuery({
    queryKey: [org, 'memberships', 'holders', role],
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/memberships', { params: { path: { org }, query: { role, limit: 200 } }, signal })),
  }).data
}

export function useRoles() {
  const { org, api } = useSession()
  return useAll([org, 'roles'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/roles', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal })))
}

export function useApplications() {
  const { org, api } = useSession()
  return useAll([org, 'applications'], (cursor, signal) =>
    ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal })),
  )
}

export function nameOf(member: Member): string {
  return member.who?.name || member.who?.email || (member.who?.foreign ? 'Of another organization' : member.user)
}
