import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ArrowRight, Play } from 'lucide-react'
import { useState } from 'react'
import { Button, buttonClass, Card, ErrorPanel, Field, Input, Select, Textarea } from '~/parts'
import { Explained } from '~/parts/explained'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { useQueryParam } from '~/shell/query'
import { useKeyNames, useRoutes } from '../keys/read'
import { sample } from '../keys/routes'
import { fixesOf } from './fixes'

/** Whose request is tried: with a pass, with one that a key would give, or with none. */
export type Bearer = { token: string } | { key: string } | undefined

const nowhere = 'https://localhost' // before a path alone: the application is named, or answers on any host

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

/** Tries a request at the gate, without sending it, and shows every check. `bearer` is missing while there is none to try. */
export function Tester({ bearer, source, missing, note }: { bearer: Bearer; source: string | undefined; missing: string | undefined; note: string }) {
  const { org, api } = useSession()
  const keys = useKeyNames()
  const { routes } = useRoutes()
  const [method, setMethod] = useQueryParam('method', 'GET')
  const [path, setPath] = useQueryParam('path')
  const [app, setApp] = useQueryParam('app')
  const [address, setAddress] = useState('')
  const [document, setDocument] = useState('')
  const apps = useQuery({
    queryKey: [org, 'applications', 'names'],
    staleTime: 60_000,
    retry: false,
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { limit: 200 } }, signal })),
  })
  const ask = useMutation({
    mutationFn: (body: Schemas['ExplainRequest']) => ok(api.POST('/v1/tokens/explain', { body })),
  })
  const tried = ask.variables
  const about = { token: undefined, key: undefined, ...bearer }
  const current = tried?.token === about.token && tried?.key === about.key // else the answer is about another
  const told = current ? ask.data : undefined
  const problem = current && ask.error ? Problem.of(ask.error) : undefined
  const places = told ? fixesOf(told, org, source) : []
  const whom = tried?.token ? 'with the pass' : tried?.key ? `as a pass of ${keys.name(tried.key)}` : 'without a pass'

  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,26rem)_minmax(0,1fr)]">
      <Card title="What may it do?">
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault()
            const url = /^https?:/.test(path) ? path : `${nowhere}${path.startsWith('/') ? '' : '/'}${path}`
            ask.mutate({ method, url, ...bearer, ...(app && { application: app }), ...(address.trim() && { address: address.trim() }), ...(document.trim() && { graphql: { query: document } }) })
          }}
        >
          <div className="flex gap-2">
            <Field label="Method" className="w-32 shrink-0">
              <Select value={method} onChange={(event) => setMethod(event.target.value)}>
                {[...new Set([...methods, method])].map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </Select>
            </Field>
            <Field label="Path or address" className="min-w-0 flex-1" error={problem?.field('/url')}>
              <Input mono list="debugger-paths" placeholder={routes[0] ? sample(routes[0]).url : 'https://photos.example/albums/7'} value={path} onChange={(event) => setPath(event.target.value)} />
            </Field>
            <datalist id="debugger-paths">
              {[...new Set(routes.map((route) => sample(route).url))].slice(0, 50).map((url) => (
                <option key={url} value={url} />
              ))}
            </datalist>
          </div>
          <Field label="Application" hint="Found by the host, unless you name it." error={problem?.field('/application')}>
            <Select value={app} onChange={(event) => setApp(event.target.value)}>
              <option value="">By the host of the address</option>
              {(apps.data?.items ?? []).map((one) => (
                <option key={one.id} value={one.audience}>
                  {one.audience}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="From address" hint="Where the request would come from; this browser’s own if left empty." error={problem?.field('/address')}>
            <Input mono placeholder="203.0.113.7" value={address} onChange={(event) => setAddress(event.target.value)} />
          </Field>
          <details>
            <summary className="cursor-pointer text-muted">It is a GraphQL request</summary>
            <Field label="GraphQL document" hint="For resources that decide by field." error={problem?.field('/graphql/query')} className="mt-3">
              <Textarea mono rows={4} placeholder="{ albums { id } }" value={document} onChange={(event) => setDocument(event.target.value)} />
            </Field>
          </details>
          <Button type="submit" tone="primary" icon={Play} busy={ask.isPending} disabled={missing !== undefined}>
            Decide
          </Button>
          <p className="text-xs text-muted">{missing ?? note}</p>
        </form>
      </Card>
      <div aria-live="polite" className="min-w-0">
        {problem ? (
          <ErrorPanel error={problem} />
        ) : told && tried ? (
          <div className="flex flex-col gap-4">
            <p className="text-muted">
              <code className="font-mono text-xs break-all text-text">
                {tried.method} {tried.url.replace(nowhere, '')}
              </code>{' '}
              {whom}
            </p>
            <Explained
              told={told}
              fixes={
                places.length > 0 && (
                  <p className="mt-3 flex flex-wrap gap-2">
                    {places.map(({ title, to, search }) => (
                      <Link key={title} to={to as never} search={search as never} className={buttonClass({ size: 'small' })}>
                        {title}
                        <ArrowRight aria-hidden className="size-3.5" />
                      </Link>
                    ))}
                  </p>
                )
              }
            />
          </div>
        ) : (
          <p className="rounded-lg border border-dashed border-line-strong/60 p-8 text-center text-muted">Every check shows here, in order: which passed, which failed, which was not reached, and what would have to change.</p>
        )}
      </div>
    </div>
  )
}
