import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'
import { Button, CodeBlock, Dialog, ErrorPanel, Field, Input, RelativeTime, Select, Sheet, Tabs, toast } from '~/parts'
import { KeyOnce } from '~/parts/key-once'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { UserInput } from '~/session/user-input'
import { useSample } from '../keys/read'
import { RoleMatrix } from './role-matrix'

export type Way = 'invite' | 'fresh' | 'foreign'
type Link = Schemas['PasswordLink']
type NewKey = { created: Schemas['KeyCreated']; name: string }

/** Three ways for somebody to come into the organization, in one sheet. */
export function AddMember({ way, onWay, onClose }: { way: Way | undefined; onWay: (way: Way) => void; onClose: () => void }) {
  const form = useId()
  const [busy, setBusy] = useState(false)
  const [key, setKey] = useState<NewKey>()
  const [link, setLink] = useState<Link>()
  const sample = useSample(key?.created.scopes)
  const frame = { form, onBusy: setBusy, onClose }
  const actions: Record<Way, string> = { invite: 'Invite', fresh: 'Create user and key', foreign: 'Add' }
  return (
    <>
      <Sheet
        open={way !== undefined}
        onClose={onClose}
        title="Add a member"
        footer={
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" form={form} tone="primary" busy={busy}>
              {actions[way ?? 'invite']}
            </Button>
          </>
        }
      >
        {way && (
          <Tabs
            label="Way to add a member"
            value={way}
            onChange={(next) => onWay(next as Way)}
            tabs={[
              { id: 'invite', label: 'By e-mail', content: <Invite {...frame} onLink={setLink} /> },
              { id: 'fresh', label: 'With a key', content: <Fresh {...frame} onKey={setKey} /> },
              { id: 'foreign', label: 'From elsewhere', content: <Foreign {...frame} /> },
            ]}
          />
        )}
      </Sheet>
      <KeyOnce created={key?.created} sample={sample} title={`The key of ${key?.name ?? ''}`} onDone={() => setKey(undefined)} />
      <LinkDialog link={link} onClose={() => setLink(undefined)} />
    </>
  )
}

type Frame = { form: string; onBusy: (busy: boolean) => void; onClose: () => void }

/** Runs a change, keeps the sheet's button busy, reads the members again. */
function useChange<T>(frame: Frame, change: () => Promise<T>, done: (result: T) => void) {
  const { org } = useSession()
  const queries = useQueryClient()
  const mutation = useMutation({
    mutationFn: change,
    onMutate: () => frame.onBusy(true),
    onSettled: async () => {
      frame.onBusy(false)
      await Promise.all(['memberships', 'users'].map((noun) => queries.invalidateQueries({ queryKey: [org, noun] })))
    },
    onSuccess: (result) => {
      frame.onClose()
      done(result)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!mutation.isPending) mutation.mutate()
  }
  return { submit, error: mutation.error, problem: mutation.error ? Problem.of(mutation.error) : undefined }
}

function Invite({ onLink, ...frame }: Frame & { onLink: (link: Link) => void }) {
  const { org, api } = useSession()
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const [comment, setComment] = useState('')
  const [roles, setRoles] = useState<string[]>(['developer'])
  const [created, setCreated] = useState<string>() // the invitation failed; the user is there
  const { submit, error, problem } = useChange(
    frame,
    async () => {
      let user = created
      if (!user) {
        const made = await ok(api.POST('/v1/organizations/{org}/users', { params: { path: { org } }, body: { name, email, roles, comment } }))
        user = made.user.id
        setCreated(user)
        // Who logs in with a password needs no key, and nobody has seen this one.
        await ok(api.DELETE('/v1/organizations/{org}/keys/{key}', { params: { path: { org, key: made.key.id } } }))
      }
      return ok(api.POST('/v1/organizations/{org}/users/{user}/invitation', { params: { path: { org, user } } }))
    },
    (link) => (link.sent_to ? toast.done('Invitation sent', `To ${link.sent_to}.`) : onLink(link)),
  )
  return (
    <form id={frame.form} onSubmit={submit} className="flex flex-col gap-4">
      <p className="text-muted">They get a link, choose a password with it, and log in here with their e-mail address.</p>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="E-mail" required error={problem?.field('/email')}>
          <Input type="email" value={email} onChange={(event) => setEmail(event.target.value)} placeholder="ada@acme.example" autoComplete="off" />
        </Field>
        <Field label="Name" error={problem?.field('/name')}>
          <Input value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      </div>
      <Comment value={comment} onChange={setComment} />
      <RoleMatrix held={roles} onChange={setRoles} />
      {error && <ErrorPanel error={error} />}
    </form>
  )
}

function Fresh({ onKey, ...frame }: Frame & { onKey: (key: NewKey) => void }) {
  const { org, api } = useSession()
  const [name, setName] = useState('')
  const [comment, setComment] = useState('')
  const [scopes, setScopes] = useState('')
  const [roles, setRoles] = useState<string[]>(['consumer'])
  const { submit, error, problem } = useChange(
    frame,
    () => {
      const ceiling = scopes.split(/[\s,]+/).filter(Boolean)
      return ok(api.POST('/v1/organizations/{org}/users', { params: { path: { org } }, body: { name, roles, comment, ...(ceiling.length > 0 && { scopes: ceiling }) } }))
    },
    (made) => onKey({ created: made.key, name: made.user.name }),
  )
  return (
    <form id={frame.form} onSubmit={submit} className="flex flex-col gap-4">
      <p className="text-muted">For a program, or for somebody who is to work with a key. The key is shown once.</p>
      <Field label="Name" required error={problem?.field('/name')}>
        <Input value={name} onChange={(event) => setName(event.target.value)} placeholder="Photo backend" />
      </Field>
      <Comment value={comment} onChange={setComment} />
      <RoleMatrix held={roles} onChange={setRoles} />
      <Field label="Scopes of the key" hint="Apart by blanks. Left empty, the key may use every scope that the roles give." error={problem?.field('/scopes')}>
        <Input mono value={scopes} onChange={(event) => setScopes(event.target.value)} placeholder="photos:read photos:write" />
      </Field>
      {error && <ErrorPanel error={error} />}
    </form>
  )
}

function Foreign(frame: Frame) {
  const { org, api } = useSession()
  const [from, setFrom] = useState('')
  const [user, setUser] = useState('')
  const [comment, setComment] = useState('')
  const [roles, setRoles] = useState<string[]>(['consumer'])
  const organizations = useQuery({ queryKey: ['organizations'], queryFn: ({ signal }) => ok(api.GET('/v1/organizations', { params: { query: { limit: 100 } }, signal })), staleTime: 300_000 })
  const others = (organizations.data?.items ?? []).filter((item) => item.slug !== org)
  const { submit, error, problem } = useChange(
    frame,
    () => ok(api.PUT('/v1/organizations/{org}/memberships/{user}', { params: { path: { org, user: user.trim() } }, body: { roles, comment } })),
    () => toast.done('Member added'),
  )
  return (
    <form id={frame.form} onSubmit={submit} className="flex flex-col gap-4">
      <p className="text-muted">A user who has a place in another organization gets one here too; their keys and passes there are not touched.</p>
      {others.length > 0 && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Organization">
            <Select value={from} onChange={(event) => setFrom(event.target.value)}>
              <option value="">Choose…</option>
              {others.map((item) => (
                <option key={item.id} value={item.slug}>
                  {item.name || item.slug}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="User">{from ? <UserInput key={from} org={from} value={user} onChange={setUser} /> : <Input disabled />}</Field>
        </div>
      )}
      <Field label="User id" required hint="Begins with usr_. The user finds it in their own organization, under Members." error={problem?.field('/user')}>
        <Input mono value={user} onChange={(event) => setUser(event.target.value)} placeholder="usr_…" pattern="\s*usr_[0-9a-z]+\s*" />
      </Field>
      <Comment value={comment} onChange={setComment} />
      <RoleMatrix held={roles} onChange={setRoles} />
      {error && <ErrorPanel error={error} />}
    </form>
  )
}

function Comment({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <Field label="Comment" hint="For those who administer.">
      <Input value={value} onChange={(event) => onChange(event.target.value)} maxLength={500} />
    </Field>
  )
}

/** A link that no mail carried, to hand over oneself. */
export function LinkDialog({ link, onClose }: { link: Link | undefined; onClose: () => void }) {
  const invite = link?.kind === 'invite'
  return (
    <Dialog
      locked
      open={link !== undefined}
      onClose={onClose}
      title={invite ? 'Hand over the invitation' : 'Hand over the link'}
      description="No mail is set up on this server, so the link is shown here, this once."
      footer={
        <Button tone="primary" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      {link?.link && (
        <div className="flex flex-col gap-3">
          <CodeBlock wrap label={invite ? 'Invitation' : 'Link'}>
            {link.link}
          </CodeBlock>
          <p className="text-muted">
            Who opens it chooses {invite ? 'a' : 'a new'} password. It works once and ends <RelativeTime time={link.expires} />; earlier links of this user have ended.
          </p>
        </div>
      )}
    </Dialog>
  )
}
