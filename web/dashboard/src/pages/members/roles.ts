import type { Schemas } from '~/session'

// Roles as they are written: `developer` is held in the whole organization, `developer@photos` in one application.

type Role = Schemas['Role']

/** The column of the whole organization; an application's is its slug. */
export const whole = ''

export function written(role: string, place: string): string {
  return place === whole ? role : `${role}@${place}`
}

/** Applications that any of the roles is held in. */
export function placesOf(held: readonly string[]): string[] {
  return [...new Set(held.flatMap((text) => (text.includes('@') ? [text.slice(text.indexOf('@') + 1)] : [])))]
}

/** The roles with this one given or taken. */
export function toggle(held: readonly string[], role: string, place: string, give: boolean): string[] {
  const text = written(role, place)
  const rest = held.filter((item) => item !== text)
  return give ? [...rest, text] : rest
}

export function sameRoles(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((role) => b.includes(role))
}

/** These two are of an organization, never of one application. */
export const onlyWhole = (role: string) => role === 'administrator' || role === 'account_manager'

/** Whether who holds `mine` may give the role: an administrator comes from an administrator, any other from who manages the organization or holds it. */
export function mayGive(mine: readonly string[], role: string, place: string): boolean {
  if (mine.includes('administrator')) return true
  if (role === 'administrator') return false
  return mine.includes('account_manager') || mine.includes(role) || mine.includes(written(role, place))
}

/** The scopes that a membership of these roles may use, sorted; `*` alone where it may use any. */
export function scopesOf(held: readonly string[], roles: readonly Role[]): string[] {
  const found = new Set<string>()
  for (const text of held) {
    const name = text.split('@', 1)[0]
    for (const scope of roles.find((role) => role.name === name)?.scopes ?? []) found.add(scope)
  }
  return found.has('*') ? ['*'] : [...found].sort()
}

/** What each built-in role may administer, in a sentence. */
export const means: Record<string, string> = {
  administrator: 'Administers everything, in every organization.',
  account_manager: 'Administers everything in this organization, except making administrators.',
  application_manager: 'Administers the application: its resource file, networks and events.',
  developer: 'Writes the resource file of the application, and sees its usage.',
  consumer: 'Calls the application. Administers nothing but its own keys.',
}

/** Scopes as they are typed: apart by blanks, commas or lines. */
export function splitScopes(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))]
}

/** Whether the organization would be without an active administrator if this membership went. */
export function isLastAdministrator(member: Schemas['Membership'], all: readonly Schemas['Membership'][]): boolean {
  const counts = (one: Schemas['Membership']) => one.active && one.roles.includes('administrator')
  return counts(member) && !all.some((one) => one.user !== member.user && counts(one))
}
