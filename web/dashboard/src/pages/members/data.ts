import { useMemo } from 'react'
import { ok, type Schemas, useSession } from '~/session'
import { useAll } from '~/session/all'

export type Membership = Schemas['Membership']
export type User = Schemas['User']
/** A membership with who holds it, as far as that may be seen. */
export type Member = Membership & { who: User | undefined }

/** Everybody in the organization, to the last: they are searched here. */
export function useMembers() {
  const { org, api } = useSession()
  const memberships = useAll([org, 'memberships'], (cursor, signal) =>
    ok(api.GET('/v1/organizations/{org}/memberships', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal })),
  )
  const users = useAll([org, 'users'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/users', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal })))
  const rows = useMemo(() => {
    const known = new Map(users.rows.map((user) => [user.id, user]))
    return memberships.rows.map((membership): Member => ({ ...membership, who: known.get(membership.user) }))
  }, [memberships.rows, users.rows])
  return { ...memberships, rows, complete: memberships.complete, loading: memberships.loading || users.loading }
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

/** Whether what was typed is found in a member: all words, anywhere. */
export function finds(member: Member, typed: string): boolean {
  const text = [member.user, member.who?.name, member.who?.email, member.comment, member.last_access?.address, ...member.roles].join(' ').toLowerCase()
  return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word))
}
