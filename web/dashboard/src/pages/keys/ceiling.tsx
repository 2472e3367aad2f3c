import { CircleCheck, CircleMinus, Globe } from 'lucide-react'
import { useMemo } from 'react'
import { Badge, cx, Field, Skeleton, Textarea } from '~/parts'
import { useRoutes } from './read'
import { knownScopes, type Route } from './routes'
import { holds, scopeError, scopesOf } from './scopes'

/** What is wrong with the scopes of a form, or nothing. */
export function ceilingError(text: string, own: readonly string[] | undefined): string | undefined {
  const scopes = scopesOf(text)
  const wrong = scopes.map(scopeError).find(Boolean)
  if (wrong) return wrong
  const beyond = own && scopes.filter((scope) => !holds(own, scope))
  if (beyond?.length) return `you do not hold ${beyond.join(', ')} yourself`
  return undefined
}

/** The scopes of a key, and at their side which routes they open, as one types. */
export function CeilingEditor({ value, onChange, own, error }: { value: string; onChange: (value: string) => void; own: readonly string[] | undefined; error?: string | undefined }) {
  const { routes, loading } = useRoutes()
  const scopes = scopesOf(value)
  const known = useMemo(() => knownScopes(routes), [routes])
  const offered = [...known, ...(own?.includes('*') ? ['*'] : [])]
  const toggle = (scope: string) => onChange((scopes.includes(scope) ? scopes.filter((other) => other !== scope) : [...scopes, scope]).join('\n'))
  return (
    <div className="grid gap-4 md:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-2">
        <Field label="Scopes" error={ceilingError(value, own) ?? error} hint="One a line. “*” is any run of characters, also across “:”." required>
          <Textarea mono rows={5} value={value} onChange={(event) => onChange(event.target.value)} placeholder={known[0] ?? 'photos:read'} />
        </Field>
        {offered.length > 0 && (
          <div role="group" aria-label="Scopes that routes need" className="flex max-h-28 flex-wrap gap-1.5 overflow-y-auto p-0.5">
            {offered.map((scope) => (
              <button
                key={scope}
                type="button"
                aria-pressed={scopes.includes(scope)}
                onClick={() => toggle(scope)}
                className={cx(
                  'rounded-full border px-2 py-0.5 font-mono text-xs',
                  scopes.includes(scope) ? 'border-accent bg-accent-soft text-accent' : 'border-line-strong/60 text-muted hover:bg-hover hover:text-text',
                )}
              >
                {scope}
                {scope === '*' && ' everything'}
              </button>
            ))}
          </div>
        )}
      </div>
      <Opened routes={routes} scopes={scopes} loading={loading} />
    </div>
  )
}

const reach = (route: Route, scopes: readonly string[]): 'public' | 'yes' | 'field' | 'no' =>
  route.access === 'public' ? 'public' : route.access === 'graphql' ? 'field' : route.scopes.every((scope) => holds(scopes, scope)) ? 'yes' : 'no'

const signs = {
  public: { icon: Globe, word: 'public', look: 'text-muted' },
  yes: { icon: CircleCheck, word: 'opens', look: 'text-good' },
  field: { icon: CircleMinus, word: 'by field', look: 'text-info' },
  no: { icon: CircleMinus, word: 'closed', look: 'text-muted' },
} as const

/** Which routes a key with these scopes opens; roles and addresses are asked for beside. */
function Opened({ routes, scopes, loading }: { routes: readonly Route[]; scopes: readonly string[]; loading: boolean }) {
  const judged = routes.map((route) => ({ route, way: reach(route, scopes) }))
  const guarded = judged.filter(({ way }) => way !== 'public')
  const open = guarded.filter(({ way }) => way === 'yes').length
  return (
    <section aria-label="Routes that these scopes open" className="flex min-w-0 flex-col gap-1">
      <p aria-live="polite" className="flex items-center justify-between gap-2 font-medium">
        Routes it opens
        <Badge tone={open > 0 ? 'good' : 'plain'}>
          {open} of {guarded.length}
        </Badge>
      </p>
      <div tabIndex={0} role="region" aria-label="Routes" className="h-52 overflow-y-auto rounded-md border border-line bg-sunken">
        {loading ? (
          <div className="flex flex-col gap-3 p-3">
            <Skeleton className="h-4 w-3/4" />
            <Skeleton className="h-4 w-2/3" />
            <Skeleton className="h-4 w-4/5" />
          </div>
        ) : routes.length === 0 ? (
          <p className="p-3 text-muted">No application has routes yet that you may read. A key can be made before them.</p>
        ) : (
          <ul className="divide-y divide-line">
            {judged.map(({ route, way }, index) => {
              const { icon: Icon, word, look } = signs[way]
              const missing = route.scopes.filter((scope) => !holds(scopes, scope))
              return (
                <li key={index} className="flex items-start gap-2 px-3 py-1.5 text-xs">
                  <span className={cx('flex w-16 shrink-0 items-center gap-1', look)}>
                    <Icon aria-hidden className="size-3.5" />
                    {word}
                  </span>
                  <span className="min-w-0 flex-1">
                    <code className={cx('block font-mono break-all', way === 'no' && 'text-muted')}>
                      {route.methods} {route.path}
                    </code>
                    <span className="text-muted">
                      {route.slug}
                      {missing.length > 0 && way === 'no' && (
                        <>
                          {' '}
                          · needs <code className="font-mono">{missing.join(' ')}</code>
                        </>
                      )}
                      {route.roles.length > 0 && ` · as ${route.roles.join(' or ')}`}
                    </span>
                  </span>
                </li>
              )
            })}
          </ul>
        )}
      </div>
    </section>
  )
}
