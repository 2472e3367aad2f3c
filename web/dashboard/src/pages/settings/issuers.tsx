import { useMutation, useQueryClient } from '@tanstack/react-query'
import { FlaskConical, Globe, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, Checkbox, CodeBlock, ConfirmDialog, cx, Dialog, EmptyState, ErrorPanel, Field, IconButton, Input, RelativeTime, Select, Sheet, Table, Textarea, toast } from '~/parts'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { usePages } from '~/session/pages'
import { useCommands } from '~/shell/commands'
import { Grants, grantOf, type GrantRow, rowOf } from './grants'
import { claimsOf, claimsText, recipes } from './recipes'
import { seconds, words, written } from './time'

type Issuer = Schemas['Issuer'] & { ca_certificates?: string }

/** Others whose tokens are taken for a pass, or in place of one. */
export function Issuers() {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [editing, setEditing] = useState<Issuer | 'new'>()
  const [testing, setTesting] = useState<Issuer>()
  const [removing, setRemoving] = useState<Issuer>()
  const issuers = usePages([org, 'issuers'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/issuers', { params: { path: { org }, query: { ...cursor, limit: 100 } }, signal })))
  useCommands([{ id: 'issuers.add', title: 'Add an issuer', keywords: 'oidc auth0 keycloak github kubernetes sso', run: () => setEditing('new') }])
  const add = (
    <Button tone="primary" icon={Plus} onClick={() => setEditing('new')}>
      Add an issuer
    </Button>
  )
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-prose text-muted">Tokens of these issuers are exchanged for passes, or taken at the gate, as far as each entry says.</p>
        {issuers.rows.length > 0 && add}
      </div>
      <Table
        label="Issuers"
        {...issuers}
        rowKey={(issuer) => issuer.id}
        onOpen={setEditing}
        empty={
          <EmptyState icon={Globe} title="No issuer yet" action={add}>
            People and programs that log in elsewhere, at Auth0, Keycloak, GitHub or a Kubernetes cluster, get passes without a key.
          </EmptyState>
        }
        columns={[
          { id: 'slug', header: 'Name', width: '9rem', cell: (issuer) => <button type="button" onClick={() => setEditing(issuer)} className="max-w-full truncate font-medium hover:underline">{issuer.slug}</button> },
          { id: 'issuer', header: 'Issuer', wide: true, cell: (issuer) => <code className="font-mono text-xs">{issuer.issuer}</code> },
          { id: 'scopes', header: 'At most', wide: true, width: '22%', cell: (issuer) => <code className="font-mono text-xs">{[...issuer.scopes, ...issuer.roles].join(' ')}</code> },
          { id: 'state', header: 'State', wide: true, width: '6rem', cell: (issuer) => (issuer.active ? <Badge tone="good">active</Badge> : <Badge tone="bad">inactive</Badge>) },
          {
            id: 'actions',
            header: 'Actions',
            width: '6.5rem',
            align: 'right',
            cell: (issuer) => (
              <>
                <IconButton size="small" label={`Test ${issuer.slug}`} icon={FlaskConical} onClick={() => setTesting(issuer)} />
                <IconButton size="small" label={`Delete ${issuer.slug}`} icon={Trash2} onClick={() => setRemoving(issuer)} />
              </>
            ),
          },
        ]}
      />
      <Sheet open={editing !== undefined} onClose={() => setEditing(undefined)} title={editing && editing !== 'new' ? `Issuer ${editing.slug}` : 'Add an issuer'}>
        {editing && <IssuerForm issuer={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} onSaved={(saved) => setTesting(saved)} />}
      </Sheet>
      <TestDialog issuer={testing} onClose={() => setTesting(undefined)} />
      <ConfirmDialog
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Trust ${removing?.slug ?? ''} no more?`}
        action="Delete"
        onConfirm={async () => {
          await ok(api.DELETE('/v1/organizations/{org}/issuers/{issuer}', { params: { path: { org, issuer: removing!.id } } }))
          await queries.invalidateQueries({ queryKey: [org, 'issuers'] })
          toast.done('Issuer deleted')
        }}
      >
        <p>Its tokens, and every pass that was made of one, end at once.</p>
      </ConfirmDialog>
    </div>
  )
}

function IssuerForm({ issuer, onClose, onSaved }: { issuer: Issuer | undefined; onClose: () => void; onSaved: (issuer: Issuer) => void }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [recipe, setRecipe] = useState(issuer ? recipes.at(-1)! : recipes[0]!)
  const start = (fill: Partial<Schemas['IssuerPut']>, slug: string, claim?: string) => ({
    slug,
    issuer: fill.issuer ?? '',
    jwks: fill.jwks_url ?? '',
    algorithms: (fill.algorithms ?? []).join(' '),
    audiences: (fill.audiences ?? []).join(' '),
    accept: fill.accept ?? ('exchange' as const),
    age: fill.max_token_age ? written(fill.max_token_age) : '',
    life: fill.max_token_life ? written(fill.max_token_life) : '',
    claims: fill.claims ? claimsText(fill.claims) : claim ? `${claim}=` : '',
    subject: fill.subject ?? '',
    scopes: (fill.scopes ?? []).join(' '),
    roles: (fill.roles ?? []).join(' '),
    active: fill.active ?? true,
    grants: (fill.grants ?? []).map(rowOf),
    login: fill.login !== undefined,
    client: fill.login?.client_id ?? '',
    secret: undefined as string | undefined, // typed; none: the one that is kept
    asks: (fill.login?.scopes ?? ['email']).join(' '),
  })
  const [form, setForm] = useState(issuer ? start(issuer, issuer.slug) : start(recipes[0]!.fill, recipes[0]!.slug))
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next })
  const claims = claimsOf(form.claims)
  const age = form.age ? seconds(form.age) : undefined
  const life = form.life ? seconds(form.life) : undefined
  const wrong = {
    claims: claims ? (Object.values(claims).includes('') ? 'say what the claim must be' : undefined) : 'one name=value on a line',
    age: form.age && !age ? 'as in 10m, 1h or 1d' : undefined,
    life: form.life && !life ? 'as in 15m, 1h or 1d' : undefined,
  }
  const grants = form.grants.map(grantOf)
  const [tried, setTried] = useState(false)
  const save = useMutation({
    mutationFn: () => {
      const body: Schemas['IssuerPut'] = {
        // What this form has no field for stays as it is.
        ...(issuer && { ips: issuer.ips, ...(issuer.ca_certificates && { ca_certificates: issuer.ca_certificates }) }),
        issuer: form.issuer.trim(),
        ...(form.jwks && { jwks_url: form.jwks.trim() }),
        algorithms: words(form.algorithms),
        audiences: [...new Set([...words(form.audiences), ...(form.login ? [form.client.trim()] : [])])],
        accept: form.accept,
        ...(age && { max_token_age: age }),
        ...(life && { max_token_life: life }),
        claims: claims ?? {},
        ...(form.subject && { subject: form.subject }),
        scopes: words(form.scopes),
        roles: words(form.roles),
        grants: grants.flatMap((grant) => grant ?? []),
        ...(form.login && { login: { client_id: form.client.trim(), scopes: words(form.asks), ...(form.secret !== undefined && { client_secret: form.secret }) } }),
        active: form.active,
      }
      const header = issuer ? { header: { 'If-Match': `"${issuer.revision}"` } } : {}
      return ok(api.PUT('/v1/organizations/{org}/issuers/{issuer}', { params: { path: { org, issuer: form.slug }, ...header }, body }))
    },
    onSuccess: async (saved) => {
      await queries.invalidateQueries({ queryKey: [org, 'issuers'] })
      toast.done(issuer ? 'Issuer saved' : 'Issuer added')
      onClose()
      if (!issuer) onSaved(saved)
    },
  })
  const problem = save.error ? Problem.of(save.error) : undefined
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (!save.isPending && !wrong.claims && !wrong.age && !wrong.life && !grants.includes(undefined)) save.mutate()
      }}
    >
      {!issuer && (
        <fieldset>
          <legend className="mb-1.5 font-medium">Recipe</legend>
          <div className="flex flex-wrap gap-2">
            {recipes.map((one) => (
              <button
                key={one.id}
                type="button"
                aria-pressed={one.id === recipe.id}
                onClick={() => (setRecipe(one), setForm(start(one.fill, one.slug, one.claim)))}
                className={cx('h-9 rounded-md border px-3', one.id === recipe.id ? 'border-accent bg-accent-soft font-medium' : 'border-line-strong/60 hover:bg-hover')}
              >
                {one.name}
              </button>
            ))}
          </div>
          <p className="mt-2 text-xs text-muted">{recipe.note}</p>
        </fieldset>
      )}
      <div className="grid gap-4 sm:grid-cols-3">
        <Field label="Name" required hint="Small letters." error={problem?.field('/slug')}>
          <Input mono value={form.slug} disabled={issuer !== undefined} onChange={(event) => set({ slug: event.target.value.trim() })} pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?" />
        </Field>
        <Field label="Issuer" required hint="The iss of its tokens, exactly." className="sm:col-span-2" error={problem?.field('/issuer')}>
          <Input mono value={form.issuer} onChange={(event) => set({ issuer: event.target.value })} placeholder={recipe.placeholder} />
        </Field>
      </div>
      <Field label="Audiences" required={!form.login} hint={form.login ? 'Its tokens must be for one of these or the client id; apart by blanks.' : 'Its tokens must be for one of these; apart by blanks.'} error={problem?.field('/audiences')}>
        <Input mono value={form.audiences} onChange={(event) => set({ audiences: event.target.value })} placeholder="https://photos.acme.example" />
      </Field>
      <Field label="Claims that tokens must have" hint="One name=value on a line; * is anything but / and :, ** is anything." error={(tried && wrong.claims) || problem?.field('/claims')}>
        <Textarea mono rows={2} value={form.claims} onChange={(event) => set({ claims: event.target.value })} placeholder="repository=acme/photos" />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Scopes" required hint="The most that its tokens get." error={problem?.field('/scopes')}>
          <Input mono value={form.scopes} onChange={(event) => set({ scopes: event.target.value })} placeholder="photos:read" />
        </Field>
        <Field label="Roles" hint="The most that its tokens get." error={problem?.field('/roles')}>
          <Input mono value={form.roles} onChange={(event) => set({ roles: event.target.value })} placeholder="consumer@photos" />
        </Field>
        <Field label="Taken" error={problem?.field('/accept')}>
          <Select value={form.accept} onChange={(event) => set({ accept: event.target.value as Issuer['accept'] })}>
            <option value="exchange">for a pass</option>
            <option value="gate">in place of a pass</option>
            <option value="both">for a pass and in place of one</option>
          </Select>
        </Field>
        <Field label="Speaks for" hint="Claims in braces; empty: the name and {sub}." error={problem?.field('/subject')}>
          <Input mono value={form.subject} onChange={(event) => set({ subject: event.target.value })} />
        </Field>
        <Field label="Oldest token" hint="Since its iat." error={wrong.age ?? problem?.field('/max_token_age')}>
          <Input mono value={form.age} onChange={(event) => set({ age: event.target.value })} placeholder="1d" />
        </Field>
        <Field label="Longest pass" hint="Empty: it ends with the token." error={wrong.life ?? problem?.field('/max_token_life')}>
          <Input mono value={form.life} onChange={(event) => set({ life: event.target.value })} placeholder="1h" />
        </Field>
        <Field label="Algorithms" error={problem?.field('/algorithms')}>
          <Input mono value={form.algorithms} onChange={(event) => set({ algorithms: event.target.value })} placeholder="RS256 ES256" />
        </Field>
        <Field label="Address of its keys" hint="Empty: by discovery." error={problem?.field('/jwks_url')}>
          <Input mono value={form.jwks} onChange={(event) => set({ jwks: event.target.value })} />
        </Field>
      </div>
      <Grants rows={form.grants} onChange={(rows: GrantRow[]) => set({ grants: rows })} tried={tried} problem={problem?.field('/grants')} />
      <Checkbox
        label="People log in here through it"
        hint="The login page then has a button for it."
        checked={form.login}
        // Who logs in to administer needs these; a field that is filled stays.
        onChange={(login) => set(login ? { login, scopes: form.scopes || 'daypass:*', roles: form.roles || 'account_manager', life: form.life || '8h' } : { login })}
      />
      {form.login && (
        <div className="flex flex-col gap-4 border-l-2 border-line pl-4">
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Client id" required hint="That this server has at the issuer." error={problem?.field('/login/client_id')}>
              <Input mono value={form.client} onChange={(event) => set({ client: event.target.value })} />
            </Field>
            <Field label="Client secret" hint={issuer?.login?.secured ? 'There is one, never shown again. Type another to replace it.' : 'Empty for a public client.'} error={problem?.field('/login/client_secret')}>
              <Input mono type="password" autoComplete="off" value={form.secret ?? ''} onChange={(event) => set({ secret: event.target.value || undefined })} />
            </Field>
          </div>
          <Field label="Ask the issuer for" hint="Scopes beside openid, so that its tokens have the claims that the grants look at." error={problem?.field('/login/scopes')}>
            <Input mono value={form.asks} onChange={(event) => set({ asks: event.target.value })} placeholder="email groups" />
          </Field>
          <div className="flex flex-col gap-1">
            <p className="font-medium">Redirect URI</p>
            <CodeBlock wrap label="Redirect URI">
              {`${location.origin}/v1/login/oidc/${org}/${form.slug || 'NAME'}/callback`}
            </CodeBlock>
            <p className="text-xs text-muted">To be registered at the issuer, exactly.</p>
          </div>
        </div>
      )}
      <Checkbox label="Active" hint="Off: its tokens are refused, and passes made of them end." checked={form.active} onChange={(active) => set({ active })} />
      {issuer && (
        <p role="note" className="rounded-lg bg-warn-soft p-3 text-warn">
          A change ends every pass that was made of its tokens before.
        </p>
      )}
      {save.error && <ErrorPanel error={save.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" tone="primary" busy={save.isPending}>
          {issuer ? 'Save' : 'Add'}
        </Button>
      </div>
    </form>
  )
}

function TestDialog({ issuer, onClose }: { issuer: Issuer | undefined; onClose: () => void }) {
  return (
    <Dialog open={issuer !== undefined} onClose={onClose} title={`Test ${issuer?.slug ?? ''}`} description="What would come of one of its tokens. Nothing is issued.">
      {issuer && <TestForm issuer={issuer} />}
    </Dialog>
  )
}

function TestForm({ issuer }: { issuer: Issuer }) {
  const { org, api } = useSession()
  const [token, setToken] = useState('')
  const test = useMutation({ mutationFn: () => ok(api.POST('/v1/organizations/{org}/issuers/{issuer}/test', { params: { path: { org, issuer: issuer.id } }, body: { token: token.trim() } })) })
  const result = test.data
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        test.mutate()
      }}
    >
      <Field label="Token" required>
        <Textarea mono rows={5} value={token} onChange={(event) => setToken(event.target.value)} placeholder="eyJ…" />
      </Field>
      {test.error && <ErrorPanel error={test.error} />}
      {result && (
        <div role="status" className={cx('flex flex-col gap-2 rounded-lg p-3', result.accepted ? 'bg-good-soft' : 'bg-bad-soft')}>
          <p className={cx('font-medium', result.accepted ? 'text-good' : 'text-bad')}>{result.accepted ? 'It would be accepted' : 'It would be refused'}</p>
          {result.message && <p>{result.message}</p>}
          {result.code && (
            <a href={`/docs/errors#${result.code}`} className="text-xs text-accent underline underline-offset-2">
              What to do about <code className="font-mono">{result.code}</code>
            </a>
          )}
          {result.accepted && (
            <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
              <dt>Speaks for</dt>
              <dd className="font-mono text-xs break-all">{result.subject}</dd>
              <dt>Scopes</dt>
              <dd className="font-mono text-xs break-words">{result.scopes?.join(' ') || 'none'}</dd>
              <dt>Roles</dt>
              <dd className="font-mono text-xs break-words">{result.roles?.join(' ') || 'none'}</dd>
              <dt>Ends</dt>
              <dd>
                <RelativeTime time={result.expires} />
              </dd>
            </dl>
          )}
        </div>
      )}
      <div className="flex justify-end">
        <Button type="submit" tone="primary" busy={test.isPending}>
          Test
        </Button>
      </div>
    </form>
  )
}
