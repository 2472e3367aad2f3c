import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { type FormEvent, useId, useRef, useState } from 'react'
import { Button, Checkbox, Dialog, ErrorPanel, Field, Input, Select, Textarea } from '~/parts'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { useMe } from '~/session/me'
import { UserInput } from '~/session/user-input'
import { CeilingEditor, ceilingError } from './ceiling'
import { scopesOf } from './scopes'

const kinds: Record<Schemas['KeyKind'], string> = {
  live: 'Acts as its owner.',
  test: 'Acts as its owner; its text says dp_test, so that it is told apart at a glance.',
  ug: 'Lets an application’s own users in, who log in under it.',
}

const day = 86_400

/** Asks for all that a new key is to be. `onCreated` gets its text. */
export function CreateDialog({ open, onClose, onCreated }: { open: boolean; onClose: () => void; onCreated: (created: Schemas['KeyCreated']) => void }) {
  const form = useId()
  const first = useRef<HTMLInputElement>(null)
  const { org, api } = useSession()
  const queries = useQueryClient()
  const create = useMutation({
    mutationFn: (body: Schemas['KeyCreate']) => ok(api.POST('/v1/organizations/{org}/keys', { params: { path: { org } }, body })),
    onSuccess: async (created) => {
      onCreated(created)
      await queries.invalidateQueries({ queryKey: [org, 'keys'] })
    },
  })
  const close = () => {
    create.reset()
    onClose()
  }
  return (
    <Dialog
      open={open}
      onClose={close}
      size="large"
      initialFocus={first}
      title="Create a key"
      description="A program exchanges it for passes; they never hold more than the key does."
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" form={form} tone="primary" icon={Plus} busy={create.isPending}>
            Create the key
          </Button>
        </>
      }
    >
      {open && <Form id={form} first={first} error={create.error} onSubmit={(body) => create.mutate(body)} />}
    </Dialog>
  )
}

function Form({ id, first, error, onSubmit }: { id: string; first: React.RefObject<HTMLInputElement | null>; error: Error | null; onSubmit: (body: Schemas['KeyCreate']) => void }) {
  const me = useMe()
  const { org } = useSession()
  const [comment, setComment] = useState('')
  const [user, setUser] = useState('')
  const [kind, setKind] = useState<Schemas['KeyKind']>('live')
  const [scopes, setScopes] = useState('')
  const [roles, setRoles] = useState<string[] | undefined>()
  const [networks, setNetworks] = useState('')
  const [expires, setExpires] = useState('')
  const [until, setUntil] = useState('')
  const [life, setLife] = useState('')
  const [signs, setSigns] = useState(false)
  const [names, setNames] = useState(false)
  const [tried, setTried] = useState(false)

  const own = me?.scopes
  const wrong = scopesOf(scopes).length === 0 ? 'say what the key may do' : ceilingError(scopes, own)
  const wrongDate = expires === 'date' && !(Date.parse(until) > Date.now()) ? 'choose a day to come' : undefined
  const problem = error ? Problem.of(error) : undefined
  const addresses = scopesOf(networks)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (wrong || wrongDate) {
      document.getElementById(id)?.querySelector<HTMLElement>(wrong ? 'textarea' : 'input[type=date]')?.focus()
      return
    }
    const seconds = expires === 'date' ? Math.floor((Date.parse(until) - Date.now()) / 1000) : Number(expires)
    onSubmit({
      scopes: scopesOf(scopes),
      kind,
      comment: comment.trim(),
      ...(user && { user }),
      ...(roles && { roles }),
      ...(addresses.length > 0 && { ips: addresses }),
      ...(expires && { expires_in: seconds }),
      ...(life && { max_token_life: Number(life) }),
      ...(signs && { require_signature: true }),
      ...(names && { may_name_subjects: true }),
    })
  }

  return (
    <form id={id} onSubmit={submit} noValidate className="flex flex-col gap-5">
      <div className="grid gap-4 md:grid-cols-2">
        <Field label="What is it for?" hint="So that you know later whether it may go." error={problem?.field('/comment')} className="md:col-span-2">
          <Input ref={first} maxLength={500} value={comment} onChange={(event) => setComment(event.target.value)} placeholder="For the web shop" />
        </Field>
        <Field label="Owner" hint="It ends with its owner, and holds no more than they do." error={problem?.field('/user')}>
          <UserInput org={org} value={user} onChange={setUser} placeholder={`You${me ? ` (${me.user.name || me.user.email || me.user.id})` : ''}`} />
        </Field>
        <Field label="Kind" hint={kinds[kind]} error={problem?.field('/kind')}>
          <Select value={kind} onChange={(event) => setKind(event.target.value as Schemas['KeyKind'])}>
            <option value="live">Live</option>
            <option value="test">Test</option>
            <option value="ug">User group</option>
          </Select>
        </Field>
      </div>
      <CeilingEditor value={scopes} onChange={setScopes} own={own} error={problem?.field('/scopes') ?? (tried ? wrong : undefined)} />
      <RoleChoice owner={user || me?.user.id} chosen={roles} onChange={setRoles} error={problem?.field('/roles')} />
      <div className="grid gap-4 md:grid-cols-2">
        <div className="flex flex-col items-start gap-2">
          <Field label="Networks" hint="Where it may be used from, one a line; empty: anywhere." error={problem?.field('/ips')} className="w-full">
            <Textarea mono rows={3} value={networks} onChange={(event) => setNetworks(event.target.value)} placeholder="192.0.2.0/24" />
          </Field>
          {me?.address && (
            <Button size="small" icon={Plus} disabled={addresses.includes(me.address)} onClick={() => setNetworks([...addresses, me.address].join('\n'))}>
              Your address ({me.address})
            </Button>
          )}
        </div>
        <div className="flex flex-col gap-4">
          <Field label="Ends" error={problem?.field('/expires_in')}>
            <Select value={expires} onChange={(event) => setExpires(event.target.value)}>
              <option value="">Never</option>
              <option value={30 * day}>In 30 days</option>
              <option value={90 * day}>In 90 days</option>
              <option value={365 * day}>In a year</option>
              <option value="date">On a day…</option>
            </Select>
          </Field>
          {expires === 'date' && (
            <Field label="On" error={tried ? wrongDate : undefined}>
              <Input type="date" value={until} onChange={(event) => setUntil(event.target.value)} />
            </Field>
          )}
          <Field label="Longest life of a pass" error={problem?.field('/max_token_life')}>
            <Select value={life} onChange={(event) => setLife(event.target.value)}>
              <option value="">As the server allows</option>
              <option value={900}>15 minutes</option>
              <option value={3600}>1 hour</option>
              <option value={day}>1 day</option>
              <option value={3 * day}>3 days</option>
              <option value={30 * day}>30 days</option>
            </Select>
          </Field>
        </div>
      </div>
      <fieldset className="flex flex-col gap-3">
        <legend className="sr-only">More</legend>
        <Checkbox label="Requests must be signed" hint="Its text alone is not enough; you get a secret beside it." checked={signs} onChange={setSigns} />
        <Checkbox label="May name subjects" hint="Its program makes passes that speak for its own users." checked={names} onChange={setNames} />
      </fieldset>
      {problem && <ErrorPanel error={problem} />}
    </form>
  )
}

/** All roles of the owner, or some of them. */
function RoleChoice({ owner, chosen, onChange, error }: { owner: string | undefined; chosen: string[] | undefined; onChange: (roles: string[] | undefined) => void; error: string | undefined }) {
  const { org, api } = useSession()
  const { data } = useQuery({
    queryKey: [org, 'memberships', owner],
    enabled: owner !== undefined,
    retry: false,
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/memberships/{user}', { params: { path: { org, user: owner ?? '' } }, signal })),
  })
  const held = data?.roles ?? []
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1 font-medium">Roles</legend>
      <Checkbox label="All that its owner holds" hint="Also those that they get later." checked={!chosen} onChange={(all) => onChange(all ? undefined : [])} />
      {chosen && (
        <div className="ml-6.5 flex flex-wrap gap-x-5 gap-y-2">
          {held.map((role) => (
            <Checkbox key={role} label={role} checked={chosen.includes(role)} onChange={(on) => onChange(on ? [...chosen, role] : chosen.filter((other) => other !== role))} />
          ))}
          {held.length === 0 && <span className="text-muted">Its owner holds none that you may see.</span>}
        </div>
      )}
      {error && <p className="text-xs text-bad">Error: {error}</p>}
    </fieldset>
  )
}
