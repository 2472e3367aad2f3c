import type { Schemas } from '~/session'

/** One rule of an application's resource file. */
export type Route = {
  /** `org/app`. */
  application: string
  slug: string
  /** `ANY`, or methods with commas. */
  methods: string
  path: string
  host: string | undefined
  access: 'public' | 'authenticated' | 'require' | 'graphql'
  /** All of them are needed. */
  scopes: string[]
  /** Any one of them is needed. */
  roles: string[]
}

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : typeof value === 'string' ? [value] : [])
const object = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {})

/** The rules of a resource file in their order; nothing of what it does not understand. */
export function routesOf(application: Pick<Schemas['Application'], 'audience' | 'slug'>, file: unknown): Route[] {
  const { resources, hosts } = object(file)
  if (!Array.isArray(resources)) return []
  return resources.flatMap((item: unknown) => {
    const { match, access, require, graphql } = object(item)
    const [methods, path] = typeof match === 'string' ? match.trim().split(/\s+/) : []
    if (!methods || !path) return []
    const needs = object(require)
    return {
      application: application.audience,
      slug: application.slug,
      methods: methods === '*' ? 'ANY' : methods,
      path,
      host: texts(hosts)[0],
      access: access === 'public' || access === 'authenticated' ? access : graphql ? ('graphql' as const) : ('require' as const),
      scopes: texts(needs['scopes']),
      roles: texts(needs['roles']),
    }
  })
}

/** A request that falls under the route: its first method, and for each wildcard a “1”, in the host “any”. */
export function sample(route: Route): { method: string; host: string | undefined; path: string; url: string } {
  const first = route.methods.split(',')[0] ?? 'GET'
  const host = route.host?.replace('*', 'any')
  const path = route.path
    .split('/')
    .map((part) => part.replace(/\{[^}]*\}|\*+/g, '1'))
    .join('/')
  return { method: first === 'ANY' ? 'GET' : first, host, path, url: `https://${host ?? 'localhost'}${path}` }
}

/** Each scope that a route needs, and for each of their beginnings the pattern of all below it. */
export function knownScopes(routes: readonly Route[]): string[] {
  const scopes = new Set(routes.flatMap((route) => route.scopes))
  const beginnings = new Map<string, number>()
  for (const scope of scopes) {
    const cut = scope.lastIndexOf(':')
    if (cut > 0) beginnings.set(scope.slice(0, cut), (beginnings.get(scope.slice(0, cut)) ?? 0) + 1)
  }
  for (const [beginning, count] of beginnings) if (count > 1) scopes.add(`${beginning}:*`)
  return [...scopes].sort()
}
