import { useMutation, useQuery } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, CircleCheck, LoaderCircle, Plus, Trash2 } from 'lucide-react'
import { type FormEvent, type ReactNode, useState } from 'react'
import { Badge, Button, Checkbox, CodeBlock, cx, ErrorPanel, Field, IconButton, Input, Select, Skeleton } from '~/parts'
import { KeyOnce } from '~/parts/key-once'
import { ok, Problem, type Schemas, session, useSession } from '~/session'
import { useMe } from '~/session/me'
import { commands, type Draft, resourceFile, type Rule, sampleOf, samplePath, scopesOf, slugOf, usualRules } from './draft'

type Frame = { draft: Draft; change: (next: Partial<Draft>) => void; next: (more?: Partial<Draft>) => void; back: () => void; skip: () => void }

/** Heading, form and the buttons of one step. */
function Step({ title, lead, error, busy, action, onSubmit, back, skip, children }: { title: string; lead: ReactNode; error?: unknown; busy: boolean; action: string; onSubmit: () => void; back?: () => void; skip?: () => void; children: ReactNode }) {
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!busy) onSubmit()
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-5">
      <div>
        <h1 className="text-xl font-semibold tracking-tight text-balance">{title}</h1>
        <p className="mt-1 max-w-prose text-muted">{lead}</p>
      </div>
      {children}
      {error != null && <ErrorPanel error={error} />}
      <div className="flex flex-wrap items-center gap-2 border-t border-line pt-4">
        {back && <Button onClick={back}>Back</Button>}
        <span className="flex-1" />
        {skip && (
          <Button tone="ghost" onClick={skip}>
            Skip this step
          </Button>
        )}
        <Button type="submit" tone="primary" busy={busy}>
          {action}
        </Button>
      </div>
    </form>
  )
}

export function Organization({ draft, next }: Frame) {
  const { api } = useSession()
  const me = useMe()
  const founder = me?.roles.includes('administrator') ?? false
  const list = useQuery({ queryKey: ['organizations'], queryFn: ({ signal }) => ok(api.GET('/v1/organizations', { params: { query: { limit: 100 } }, signal })) })
  const [fresh, setFresh] = useState(false)
  const [name, setName] = useState('')
  const [slug, setSlug] = useState<string>()
  const [chosen, setChosen] = useState(draft.org)
  const [label, setLabel] = useState<string>()
  const current = list.data?.items.find((item) => item.slug === chosen)
  const go = useMutation({
    mutationFn: async () => {
      if (fresh) return (await ok(api.POST('/v1/organizations', { body: { slug: slug ?? slugOf(name), name } }))).slug
      if (label !== undefined && label !== current?.name) await ok(api.PATCH('/v1/organizations/{org}', { params: { path: { org: chosen } }, body: { name: label } }))
      return chosen
    },
    onSuccess: (org) => next(org === draft.org ? {} : { org, app: '', rules: [], key: '' }),
  })
  const problem = go.error ? Problem.of(go.error) : undefined
  return (
    <Step title="Your organization" lead="People, keys and applications belong to an organization. Its short name stands in addresses and in every pass." error={go.error} busy={go.isPending} action="Continue" onSubmit={() => go.mutate()}>
      {list.isPending && <Skeleton className="h-16 w-full" />}
      {!fresh && list.data && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Organization" hint="The one there is will do.">
            <Select value={chosen} onChange={(event) => (setChosen(event.target.value), setLabel(undefined))}>
              {list.data.items.map((item) => (
                <option key={item.id} value={item.slug}>
                  {item.slug}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Name" hint="For people; change it whenever you like.">
            <Input value={label ?? current?.name ?? ''} onChange={(event) => setLabel(event.target.value)} maxLength={200} />
          </Field>
        </div>
      )}
      {fresh && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name" required>
            <Input value={name} onChange={(event) => setName(event.target.value)} placeholder="Acme Pictures" maxLength={200} />
          </Field>
          <Field label="Short name" required hint="For good: small letters, digits and hyphens." error={problem?.field('/slug')}>
            <Input mono value={slug ?? slugOf(name)} onChange={(event) => setSlug(event.target.value)} pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?" />
          </Field>
        </div>
      )}
      {founder && <Checkbox label="Found another organization" checked={fresh} onChange={setFresh} />}
    </Step>
  )
}

export function Api({ draft, change, next, back, skip }: Frame) {
  const busy = false
  const name = draft.app
  return (
    <Step
      title="Your API"
      lead="The gateway stands before it: it checks each request and sends on what may pass. What your API serves need not change."
      busy={busy}
      action="Continue"
      back={back}
      skip={skip}
      onSubmit={() => next(draft.rules.length === 0 ? { rules: usualRules(draft.app, draft.by === 'prefix' ? draft.prefix : '/') } : {})}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Short name" required hint="Small letters, digits and hyphens.">
          <Input mono value={name} onChange={(event) => change({ app: event.target.value.trim(), ...(draft.host === hostOf(name, draft.org) || !draft.host ? { host: hostOf(event.target.value.trim(), draft.org) } : {}) })} placeholder="photos" pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?" />
        </Field>
        <Field label="Where it listens" required hint="http, https or h2c, with host and port; nothing behind it.">
          <Input mono value={draft.upstream} onChange={(event) => change({ upstream: event.target.value.trim() })} pattern="(https?|h2c)://[^\/\s]+" placeholder="http://127.0.0.1:9000" />
        </Field>
      </div>
      <fieldset className="flex flex-col gap-3">
        <legend className="mb-1.5 font-medium">The gateway knows it by</legend>
        <div className="flex flex-wrap gap-x-6 gap-y-2">
          {(
            [
              ['host', 'its host name'],
              ['prefix', 'the beginning of the path'],
              ['any', 'nothing: it gets everything'],
            ] as const
          ).map(([by, words]) => (
            <label key={by} className="flex items-center gap-2">
              <input type="radio" name="by" className="size-4 accent-accent" checked={draft.by === by} onChange={() => change({ by })} />
              {words}
            </label>
          ))}
        </div>
      </fieldset>
      <div className="grid gap-4 sm:grid-cols-2">
        {draft.by === 'host' && (
          <Field label="Host name" required hint="Without scheme and port; *.acme.example is every name below.">
            <Input mono value={draft.host} onChange={(event) => change({ host: event.target.value.trim() })} placeholder={hostOf('photos', draft.org)} />
          </Field>
        )}
        {draft.by === 'prefix' && (
          <Field label="Beginning of the path" required hint="It is not cut off: your API sees the whole path.">
            <Input mono value={draft.prefix} onChange={(event) => change({ prefix: event.target.value.trim() })} pattern="\/[^\s]*" placeholder="/photos" />
          </Field>
        )}
        <Field label="Address of the gateway" required hint="As this machine asks it; your clients may have another name for it.">
          <Input mono value={draft.gateway} onChange={(event) => change({ gateway: event.target.value.trim().replace(/\/+$/, '') })} pattern="https?://[^\/\s]+" />
        </Field>
      </div>
    </Step>
  )
}

const hostOf = (app: string, org: string) => (app ? `${app}.${org}.example` : '')

export function Rules({ draft, change, next, back, skip }: Frame) {
  const { api } = useSession()
  const put = useMutation({
    mutationFn: async () => {
      const answer = await session.fetch(`/v1/organizations/${draft.org}/applications/${draft.app}`, { method: 'PUT', headers: { 'content-type': 'application/yaml' }, body: resourceFile(draft) })
      if (!answer.ok) throw await Problem.from(answer)
    },
    onSuccess: () => next(),
  })
  const there = useQuery({ queryKey: [draft.org, 'applications', draft.app, 'there'], queryFn: async ({ signal }) => (await api.GET('/v1/organizations/{org}/applications/{app}', { params: { path: { org: draft.org, app: draft.app } }, parseAs: 'text', signal })).response.ok, enabled: draft.app !== '' })
  const set = (index: number, rule: Partial<Rule>) => change({ rules: draft.rules.map((old, at) => (at === index ? { ...old, ...rule } : old)) })
  const move = (index: number, by: number) => {
    const rules = [...draft.rules]
    const [rule] = rules.splice(index, 1)
    if (rule) rules.splice(index + by, 0, rule)
    change({ rules })
  }
  return (
    <Step title="Who gets in" lead="The first rule that matches decides; what none matches is denied." error={put.error} busy={put.isPending} action={there.data ? 'Replace the rules' : 'Protect it'} back={back} skip={skip} onSubmit={() => put.mutate()}>
      <ol className="flex flex-col gap-2">
        {draft.rules.map((rule, index) => (
          <li key={index} className="flex flex-wrap items-end gap-2 rounded-lg border border-line bg-surface p-3">
            <Field label="Methods" className="w-28">
              <Input mono list="methods" value={rule.methods} onChange={(event) => set(index, { methods: event.target.value.toUpperCase().replace(/\s/g, '') })} required />
            </Field>
            <Field label="Path" className="min-w-36 flex-1">
              <Input mono value={rule.path} onChange={(event) => set(index, { path: event.target.value.trim() })} pattern="\/\S*" required />
            </Field>
            <Field label="Lets in" className="w-36">
              <Select value={rule.access} onChange={(event) => set(index, { access: event.target.value as Rule['access'] })}>
                <option value="public">everybody</option>
                <option value="authenticated">any pass</option>
                <option value="scope">with scopes</option>
              </Select>
            </Field>
            <Field label="Scopes" className="min-w-36 flex-1">
              <Input mono value={rule.access === 'scope' ? rule.scope : ''} disabled={rule.access !== 'scope'} required={rule.access === 'scope'} onChange={(event) => set(index, { scope: event.target.value })} />
            </Field>
            <span className="flex">
              <IconButton label={`Move rule ${index + 1} up`} icon={ArrowUp} disabled={index === 0} onClick={() => move(index, -1)} />
              <IconButton label={`Move rule ${index + 1} down`} icon={ArrowDown} disabled={index === draft.rules.length - 1} onClick={() => move(index, 1)} />
              <IconButton label={`Delete rule ${index + 1}`} icon={Trash2} onClick={() => change({ rules: draft.rules.filter((_, at) => at !== index) })} />
            </span>
          </li>
        ))}
      </ol>
      <datalist id="methods">
        {['GET', 'POST', 'GET,POST', 'PUT', 'PATCH', 'DELETE', 'ANY'].map((methods) => (
          <option key={methods} value={methods} />
        ))}
      </datalist>
      <div>
        <Button size="small" icon={Plus} onClick={() => change({ rules: [...draft.rules, { methods: 'GET', path: '/', access: 'scope', scope: `${draft.app}:read` }] })}>
          Add a rule
        </Button>
      </div>
      <section>
        <h2 className="mb-1.5 font-semibold">The resource file that comes of it</h2>
        <CodeBlock label="Resource file">{resourceFile(draft)}</CodeBlock>
      </section>
      {there.data && (
        <p role="note" className="rounded-lg bg-warn-soft p-3 text-warn">
          An application {draft.app} is there already: its resource file is replaced by this one.
        </p>
      )}
    </Step>
  )
}

export function Key({ draft, change, next, back, skip, onKey }: Frame & { onKey: (text: string) => void }) {
  const { api } = useSession()
  const [name, setName] = useState(`${draft.app || 'first'} client`)
  const [scopes, setScopes] = useState(scopesOf(draft.rules).join(' '))
  const [created, setCreated] = useState<Schemas['KeyCreated']>()
  const make = useMutation({
    mutationFn: () => {
      const ceiling = scopes.split(/[\s,]+/).filter(Boolean)
      return ok(api.POST('/v1/organizations/{org}/users', { params: { path: { org: draft.org } }, body: { name, roles: ['consumer'], comment: 'Made by the set-up', ...(ceiling.length > 0 && { scopes: ceiling }) } }))
    },
    onSuccess: ({ key }) => {
      change({ key: key.id })
      onKey(key.key)
      setCreated(key)
    },
  })
  const problem = make.error ? Problem.of(make.error) : undefined
  return (
    <>
      <Step title="A key for a client" lead="A program keeps the key and makes short-lived passes of it; only passes go over the wire to your API. The key belongs to a user of its own, so that it can be ended alone." error={make.error} busy={make.isPending} action={draft.key ? 'Make another key' : 'Make the key'} back={back} skip={skip} onSubmit={() => make.mutate()}>
        {draft.key && (
          <p role="note" className="flex items-center gap-2 rounded-lg bg-good-soft p-3 text-good">
            <CircleCheck aria-hidden className="size-4 shrink-0" />
            <span className="min-w-0 flex-1">A key is there. If you kept its text, go on.</span>
            <Button size="small" onClick={skip}>
              Go on
            </Button>
          </p>
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name of the client" required error={problem?.field('/name')}>
            <Input value={name} onChange={(event) => setName(event.target.value)} maxLength={200} />
          </Field>
          <Field label="The most it may do" hint="Scopes, apart by blanks; each pass may have fewer." error={problem?.field('/scopes')}>
            <Input mono value={scopes} onChange={(event) => setScopes(event.target.value)} />
          </Field>
        </div>
      </Step>
      <KeyOnce
        created={created}
        sample={sampleOf(draft)}
        title={`The key of ${name}`}
        onDone={() => {
          setCreated(undefined)
          next()
        }}
      />
    </>
  )
}

const fixes: Record<string, string> = {
  token_missing: 'No pass came along: run all of it in one shell.',
  token_invalid: 'What came along is no pass of this server: was making it answered with an error?',
  token_expired: 'The pass had ended: make a new one.',
  token_revoked: 'The pass was revoked: make a new one.',
  wrong_address: 'The pass is bound to another address.',
  scope_missing: 'The pass lacks a scope that the rule asks for.',
  role_missing: 'The pass lacks a role that the rule asks for.',
  no_rule: 'No rule matches that path and method.',
  no_application: 'No application has that host or path.',
  wrong_audience: 'The pass is for another application.',
  rate_limited: 'Too many requests at once.',
}

export function FirstRequest({ draft, back, secret, done }: Frame & { secret: string | undefined; done: () => void }) {
  const { api } = useSession()
  const count = async (query: { application: string; limit: number } | { key: string; outcome: string; limit: number }, signal: AbortSignal) =>
    (await ok(api.GET('/v1/organizations/{org}/usage', { params: { path: { org: draft.org }, query }, signal }))) as Schemas['UsageList'] // it is CSV only where that was asked for
  const usage = useQuery({
    queryKey: [draft.org, 'usage', 'first', draft.app],
    queryFn: ({ signal }) => count({ application: draft.app, limit: 500 }, signal),
    refetchInterval: 1500,
    enabled: draft.app !== '',
  })
  const made = useQuery({
    queryKey: [draft.org, 'usage', 'issued', draft.key],
    queryFn: ({ signal }) => count({ key: draft.key, outcome: 'issued', limit: 1 }, signal),
    refetchInterval: (query) => (query.state.data?.items.length ? false : 1500),
    enabled: draft.key !== '',
  })
  const outcomes = new Map<string, number>()
  for (const line of usage.data?.items ?? []) outcomes.set(line.outcome, (outcomes.get(line.outcome) ?? 0) + line.count)
  const passed = outcomes.get('allowed') ?? 0
  const denied = [...outcomes].filter(([outcome]) => outcome !== 'allowed' && outcome !== 'public')
  return (
    <Step title={passed ? 'Your first request got through' : 'The first request'} lead="Run this in a shell: it makes a pass of the key, and asks your API through the gateway." error={usage.error} busy={false} action={passed ? 'Finish' : 'Finish anyway'} back={back} onSubmit={done}>
      <CodeBlock label="Commands">
        {commands(draft, location.origin, secret)}
      </CodeBlock>
      {!draft.app && <p className="text-muted">Go back and say what your API is; then this knows what to ask for.</p>}
      <ol className="flex flex-col gap-3 rounded-lg border border-line bg-surface p-4" aria-live="polite">
        <Stage done={(made.data?.items.length ?? 0) > 0} title="A pass was made of the key" waiting="Waiting for the key to be used…" />
        <Stage done={passed > 0} title={`200: allowed${passed > 1 ? `, ${passed} times` : ''}`} waiting="Waiting for your first request…">
          {passed > 0 && (
            <p className="text-muted">
              The gate let <code className="font-mono text-xs text-text">GET {samplePath(draft.rules)}</code> through. If curl says 502 in place of 200, nothing listens at <code className="font-mono text-xs text-text">{draft.upstream}</code> yet.
            </p>
          )}
        </Stage>
        {denied.map(([outcome, count]) => (
          <li key={outcome} className="flex flex-wrap items-center gap-2 pl-8">
            <Badge tone="bad">denied {count > 1 ? `${count} times` : ''}</Badge>
            <code className="font-mono text-xs">{outcome}</code>
            <span className="text-muted">{fixes[outcome]}</span>
          </li>
        ))}
      </ol>
    </Step>
  )
}

function Stage({ done, title, waiting, children }: { done: boolean; title: string; waiting: string; children?: ReactNode }) {
  return (
    <li className="flex items-start gap-3">
      {done ? <CircleCheck aria-hidden className="mt-0.5 size-5 shrink-0 text-good" /> : <LoaderCircle aria-hidden className="mt-0.5 size-5 shrink-0 animate-spin text-muted" />}
      <div className="min-w-0">
        <p className={cx(done ? 'font-medium text-good' : 'text-muted')}>{done ? title : waiting}</p>
        {children}
      </div>
    </li>
  )
}
