import { useMutation } from '@tanstack/react-query'
import { Play } from 'lucide-react'
import { useState } from 'react'
import { Button, Card, ErrorPanel, Field, Input, Select, Textarea } from '~/parts'
import { Explained } from '~/parts/explained'
import { ok, Problem, useSession } from '~/session'
import { useQueryParam } from '~/shell/query'
import type { Rule } from './file'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

export function TestTab({ org, slug, hosts, rules, onLine }: { org: string; slug: string; hosts: string[]; rules: Rule[]; onLine: (line: number) => void }) {
  const { api, token } = useSession()
  const [method, setMethod] = useQueryParam('method', 'GET')
  const example = rules[0] ? `/${rules[0].path.replace(/^\//, '').replace(/\*\*$/, '').replace(/\{[^}]*\}|\*/g, '7')}` : '/'
  const [path, setPath] = useQueryParam('path', example)
  const [who, setWho] = useState<'own' | 'none' | 'paste'>('own')
  const [pass, setPass] = useState('')
  const [address, setAddress] = useState('')
  const [document, setDocument] = useState('')
  const host = hosts.find((name) => !name.startsWith('*')) ?? hosts[0]?.replace('*', 'www') ?? 'localhost'
  const graphql = rules.some((rule) => rule.access === 'graphql')

  const ask = useMutation({
    mutationFn: () => {
      const sent = who === 'own' ? token : who === 'paste' ? pass.trim().replace(/^Bearer +/i, '') : ''
      return ok(
        api.POST('/v1/tokens/explain', {
          body: {
            method,
            url: /^https?:/.test(path) ? path : `https://${host}${path.startsWith('/') ? '' : '/'}${path}`,
            application: `${org}/${slug}`,
            ...(sent && { token: sent }),
            ...(address.trim() && { address: address.trim() }),
            ...(document.trim() && { graphql: { query: document } }),
          },
        }),
      )
    },
  })
  const problem = ask.error ? Problem.of(ask.error) : undefined

  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,26rem)_minmax(0,1fr)]">
      <Card title="A request">
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault()
            ask.mutate()
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
              <Input mono value={path} onChange={(event) => setPath(event.target.value)} />
            </Field>
          </div>
          <Field label="Pass">
            <Select value={who} onChange={(event) => setWho(event.target.value as typeof who)}>
              <option value="own">The one of this login</option>
              <option value="none">None</option>
              <option value="paste">Another one…</option>
            </Select>
          </Field>
          {who === 'paste' && (
            <Field label="Text of the pass" hint="Sent to this server only, and kept nowhere." error={problem?.field('/token')}>
              <Textarea mono rows={4} value={pass} onChange={(event) => setPass(event.target.value)} />
            </Field>
          )}
          <Field label="From address" hint="Where the request would come from; this browser's own if left empty." error={problem?.field('/address')}>
            <Input mono placeholder="203.0.113.7" value={address} onChange={(event) => setAddress(event.target.value)} />
          </Field>
          {graphql && (
            <Field label="GraphQL document" hint="For resources that decide by field.">
              <Textarea mono rows={4} placeholder="{ albums { id } }" value={document} onChange={(event) => setDocument(event.target.value)} />
            </Field>
          )}
          <Button type="submit" tone="primary" icon={Play} busy={ask.isPending} disabled={who === 'paste' && !pass.trim()}>
            Decide
          </Button>
          <p className="text-xs text-muted">Decided as the gate would, by what is enforced now. Nothing is sent to the upstream.</p>
        </form>
      </Card>
      <div aria-live="polite" className="min-w-0">
        {ask.error ? <ErrorPanel error={ask.error} /> : ask.data ? <Explained told={ask.data} onLine={onLine} /> : <p className="rounded-lg border border-dashed border-line-strong/60 p-8 text-center text-muted">Every check shows here, in order, and what would have to change.</p>}
      </div>
    </div>
  )
}
