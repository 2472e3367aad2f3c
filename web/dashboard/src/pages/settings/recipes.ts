import type { Schemas } from '~/session'

type Put = Schemas['IssuerPut']

/** What is the same for everybody who uses one of these, and a hint of what is left to say. */
export type Recipe = { id: string; name: string; slug: string; fill: Partial<Put>; claim?: string; placeholder: string; note: string }

export const recipes: Recipe[] = [
  {
    id: 'auth0',
    name: 'Auth0',
    slug: 'auth0',
    fill: { algorithms: ['RS256'], max_token_age: 86_400 },
    placeholder: 'https://TENANT.eu.auth0.com/',
    note: 'The issuer ends with a slash. The audience is the identifier of your API there.',
  },
  {
    id: 'keycloak',
    name: 'Keycloak',
    slug: 'keycloak',
    fill: { algorithms: ['RS256'], max_token_age: 3600 },
    placeholder: 'https://HOST/realms/REALM',
    note: 'Perhaps ask for azp=CLIENT too, so that tokens of other clients of the realm are refused.',
  },
  {
    id: 'github-actions',
    name: 'GitHub Actions',
    slug: 'github',
    fill: { issuer: 'https://token.actions.githubusercontent.com', algorithms: ['RS256'], max_token_age: 600, max_token_life: 3600, subject: 'github|{repository}' },
    claim: 'repository',
    placeholder: 'https://token.actions.githubusercontent.com',
    note: 'Ask for the repository: the issuer makes tokens for everybody. Pull requests have the same one, so ask for ref=refs/heads/main where it matters.',
  },
  {
    id: 'kubernetes',
    name: 'Kubernetes',
    slug: 'kubernetes',
    fill: {
      issuer: 'https://kubernetes.default.svc.cluster.local',
      jwks_url: 'https://kubernetes.default.svc/openid/v1/jwks',
      algorithms: ['RS256'],
      max_token_age: 86_400,
      subject: 'kubernetes|{/kubernetes.io/namespace}|{/kubernetes.io/serviceaccount/name}',
    },
    claim: '/kubernetes.io/namespace',
    placeholder: 'https://kubernetes.default.svc.cluster.local',
    note: 'Ask for the namespace. The server must be let reach the cluster’s keys: its setting issuer-networks.',
  },
  { id: 'other', name: 'Another', slug: '', fill: { algorithms: ['RS256', 'ES256'] }, placeholder: 'https://login.acme.example', note: 'Anyone who signs JWTs and publishes the keys, by OpenID Connect discovery or at an address of their own.' },
]

/** Claims as they are typed, one `name=value` on a line; undefined where a line is none. */
export function claimsOf(text: string): Record<string, string> | undefined {
  const claims: Record<string, string> = {}
  for (const line of text.split('\n').map((one) => one.trim()).filter(Boolean)) {
    const at = line.indexOf('=')
    if (at < 1) return undefined
    claims[line.slice(0, at).trim()] = line.slice(at + 1).trim()
  }
  return claims
}

export function claimsText(claims: Record<string, string> | undefined): string {
  return Object.entries(claims ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
}
