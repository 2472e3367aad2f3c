import type { Schemas } from '~/session/schemas'

/** A page where something can be changed. */
export type Place = { title: string; to: string; search: Record<string, string> }

/** Where the fix of a denial is made. `key` is what the pass comes from, where that is known. */
export function fixesOf(told: Schemas['Explanation'], org: string, key?: string): Place[] {
  if (told.allow) return []
  const at = (title: string, page: string, search: Record<string, string> = {}): Place => ({ title, to: `/o/${org}/${page}`, search })
  const slug = told.application?.startsWith(`${org}/`) ? told.application.slice(org.length + 1) : undefined
  const app = (title: string, search: Record<string, string> = {}) => (slug ? [at(title, `applications/${slug}`, search)] : [])
  const source = key ? at('The key it comes from', 'keys', { key }) : at('Keys, to make a pass of', 'keys')
  switch (told.reason) {
    case 'no_application':
      return [at('Applications', 'applications')]
    case 'no_rule':
    case 'graphql_unparsed':
    case 'field_unmapped':
    case 'field_refused':
    case 'introspection_refused':
      return app(`The resource file of ${slug}`)
    case 'address_denied':
      return [...app(`The networks of ${slug}`, { tab: 'networks' }), at('IP lists', 'settings', { tab: 'networks' })]
    case 'scope_missing':
    case 'wrong_audience':
      return [source, ...app(`The rules of ${slug}`, { tab: 'routes' })]
    case 'role_missing':
      return [at('Members and their roles', 'members'), source, ...app(`The rules of ${slug}`, { tab: 'routes' })]
    case 'token_missing':
    case 'token_invalid':
    case 'token_expired':
    case 'wrong_address':
    case 'wrong_organization':
    case 'signature_required':
    case 'signature_invalid':
    case 'sender_key_missing':
    case 'sender_key_wrong':
      return [source]
    case 'token_revoked':
      return [source, at('Audit: what was revoked', 'audit', key ? { object: key } : {})]
    case 'rate_limited':
    case 'quota_exceeded':
      return [at('Plans', 'settings', { tab: 'plans' })]
  }
  return []
}
