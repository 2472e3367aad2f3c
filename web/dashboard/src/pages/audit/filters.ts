/** What the audit page shows, as it stands in the address. */
export type Filters = { action: string; actor: string; object: string; time: string; since: string; until: string }

export const spans = [
  ['', 'Any time'],
  ['1h', 'The last hour'],
  ['24h', 'The last 24 hours'],
  ['7d', 'The last 7 days'],
  ['30d', 'The last 30 days'],
  ['custom', 'From … until …'],
] as const

const seconds: Record<string, number> = { '1h': 3600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000 }

/** The query of the API. Times that cannot be read are left out. */
export function queryOf(filters: Filters, now: number): { action?: string; actor?: string; object?: string; since?: string; until?: string } {
  const { action, actor, object, time } = filters
  const life = seconds[time]
  const since = life ? new Date(now - life * 1000).toISOString() : time === 'custom' ? iso(filters.since) : undefined
  const until = time === 'custom' ? iso(filters.until) : undefined
  return { ...(action.trim() && { action: action.trim() }), ...(actor.trim() && { actor: actor.trim() }), ...(object.trim() && { object: object.trim() }), ...(since && { since }), ...(until && { until }) }
}

function iso(local: string): string | undefined {
  const date = local ? new Date(local) : undefined
  return date && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined
}

/** Everything that is recorded: nouns with their verbs. */
export const actions: Record<string, readonly string[]> = {
  application: ['created', 'updated', 'deleted'],
  identity: ['created', 'updated', 'forgotten'],
  issuer: ['created', 'updated', 'deleted'],
  key: ['created', 'updated', 'narrowed', 'rotated', 'deleted'],
  keyset: ['created', 'rotated', 'retired', 'exported'],
  membership: ['created', 'updated', 'deleted'],
  network: ['added', 'replaced', 'deleted'],
  organization: ['founded', 'created', 'updated'],
  password: ['set', 'changed', 'reset_requested'],
  plan: ['created', 'updated', 'deleted'],
  role: ['created', 'updated', 'deleted'],
  session: ['ended'],
  sessions: ['ended'],
  setting: ['changed'],
  token: ['revoked'],
  user: ['created', 'updated', 'invited', 'deleted'],
}

/** `key.rotated` in words: "Key rotated". */
export function told(action: string): string {
  const text = action.replace('.', ' ').replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
