import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { KeyRound, LogOut, Mail, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button, buttonClass, ConfirmDialog, CopyButton, ErrorPanel, Field, Input, RelativeTime, Select, Sheet, Skeleton, Switch, toast } from '~/parts'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { useAll } from '~/session/all'
import { useMe } from '~/session/me'
import { LinkDialog } from './add'
import { type Member, nameOf, useHolders, useMember } from './data'
import { RoleMatrix } from './role-matrix'
import { isLastAdministrator, sameRoles } from './roles'

/** One member: who, as what, since when, and everything that can be done about them. */
export function MemberSheet({ user, listed, onClose }: { user: string; listed: Member | undefined; onClose: () => void }) {
  const { data: member, error, refetch } = useMember(user, listed)
  return (
    <Sheet open={user !== ''} onClose={onClose} title={member ? nameOf(member) : 'Member'} description={<Id id={user} />}>
      {member ? <Detail key={member.user} member={member} onClose={onClose} /> : error ? <ErrorPanel error={error} retry={() => void refetch()} /> : <Skeleton className="h-96 w-full" />}
    </Sheet>
  )
}

function Id({ id }: { id: string }) {
  return (
    <span className="flex items-center gap-1">
      <code className="truncate font-mono text-xs">{id}</code>
      <CopyButton text={id} label="Copy the id" />
    </span>
  )
}

function Detail({ member, onClose }: { member: Member; onClose: () => void }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const me = useMe()
  const user = member.who
  const path = { org, user: member.user }
  const administrators = useHolders('administrator')
  const last = administrators !== undefined && isLastAdministrator(member, administrators.items)
  const [removing, setRemoving] = useState(false)
  const [ending, setEnding] = useState(false)
  const [link, setLink] = useState<Schemas['PasswordLink']>()
  const [name, setName] = useState(user?.name ?? '')
  const [email, setEmail] = useState(user?.email ?? '')
  const [comment, setComment] = useState(member.comment)
  const [plan, setPlan] = useState(member.plan ?? '')
  const [roles, setRoles] = useState(member.roles)
  const plans = useAll([org, 'plans'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/plans', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal })))

  const profile = user && !user.foreign && (name !== user.name || email !== user.email)
  const place = comment !== member.comment || plan !== (member.plan ?? '') || !sameRoles(roles, member.roles)
  const again = () => Promise.all(['memberships', 'users'].map((noun) => queries.invalidateQueries({ queryKey: [org, noun] })))

  const save = useMutation({
    mutationFn: async () => {
      if (profile) await ok(api.PATCH('/v1/organizations/{org}/users/{user}', { params: { path, header: { 'If-Match': `"${user.revision}"` } }, body: { name, email } }))
      if (place) await ok(api.PUT('/v1/organizations/{org}/memberships/{user}', { params: { path, header: { 'If-Match': `"${member.revision}"` } }, body: { roles, comment, plan } }))
    },
    onSuccess: () => toast.done('Saved', 'It holds from the next request on.'),
    onSettled: again,
  })
  const activate = useMutation({
    mutationFn: (active: boolean) => ok(api.PUT('/v1/organizations/{org}/memberships/{user}', { params: { path }, body: { roles: member.roles, active } })),
    onSuccess: (_, active) => toast.done(active ? 'Active again' : 'No longer active', active ? undefined : 'Passes and keys of this member are refused here from now on.'),
    onSettled: again,
  })
  const mail = useMutation({
    mutationFn: (kind: 'invitation' | 'password-reset') => ok(api.POST(`/v1/organizations/{org}/users/{user}/${kind}`, { params: { path } })),
    onSuccess: (answer) => (answer.sent_to ? toast.done('Link sent', `To ${answer.sent_to}.`) : setLink(answer)),
    onError: toast.fail,
  })
  const problem = save.error ? Problem.of(save.error) : undefined
  return (
    <div className="flex flex-col gap-6">
      {last && (
        <p role="note" className="rounded-lg bg-warn-soft p-3 text-warn">
          The last active administrator of this organization: the role, the active switch and the membership stay until somebody else is an administrator.
        </p>
      )}
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5">
        <dt className="text-muted">Last access</dt>
        <dd>
          <RelativeTime time={member.last_access?.time} />
          {member.last_access && (
            <span className="text-muted">
              {' '}
              from <code className="font-mono text-xs text-text">{member.last_access.address}</code>
              {member.last_access.user_agent && <span className="block truncate text-xs">{member.last_access.user_agent}</span>}
            </span>
          )}
        </dd>
        <dt className="text-muted">Member</dt>
        <dd>
          since <RelativeTime time={member.created} />
        </dd>
      </dl>
      <div className="flex flex-col gap-2">
        <Switch
          label="Active"
          hint={last ? 'Make another administrator first.' : 'Off: every pass and key of this member is refused here, from the next request on.'}
          checked={activate.isPending ? activate.variables : member.active}
          disabled={last || activate.isPending}
          onChange={(active) => activate.mutate(active)}
        />
        {activate.error && <ErrorPanel error={activate.error} />}
      </div>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (!save.isPending) save.mutate()
        }}
      >
        {user?.foreign ? (
          <p className="rounded-lg bg-sunken p-3 text-muted">Name and e-mail belong to another organization and are not shown here.</p>
        ) : (
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="Name" error={problem?.field('/name')}>
              <Input value={name} onChange={(event) => setName(event.target.value)} maxLength={200} />
            </Field>
            <Field label="E-mail" error={problem?.field('/email')}>
              <Input type="email" value={email} onChange={(event) => setEmail(event.target.value)} maxLength={254} />
            </Field>
          </div>
        )}
        <Field label="Comment" error={problem?.field('/comment')}>
          <Input value={comment} onChange={(event) => setComment(event.target.value)} maxLength={500} />
        </Field>
        {plans.rows.length > 0 && (
          <Field label="Plan" hint="Limits shared by all keys of this member." error={problem?.field('/plan')}>
            <Select value={plan} onChange={(event) => setPlan(event.target.value)}>
              <option value="">None</option>
              {plans.rows.map((item) => (
                <option key={item.id} value={item.slug}>
                  {item.name || item.slug}
                </option>
              ))}
            </Select>
          </Field>
        )}
        <RoleMatrix held={roles} onChange={setRoles} locked={last ? 'administrator' : undefined} />
        {save.error && <ErrorPanel error={save.error} />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" tone="primary" busy={save.isPending} disabled={!profile && !place}>
            Save
          </Button>
        </div>
      </form>
      <section className="flex flex-col gap-3 border-t border-line pt-4">
        <h3 className="font-semibold">More</h3>
        <div className="flex flex-wrap gap-2">
          <Link to="/o/$org/keys" params={{ org }} search={{ user: member.user } as never} className={buttonClass()}>
            <KeyRound aria-hidden className="size-4" />
            Keys
          </Link>
          {user?.email && (
            <>
              <Button icon={Mail} busy={mail.isPending && mail.variables === 'invitation'} onClick={() => mail.mutate('invitation')}>
                Invite
              </Button>
              <Button icon={Mail} busy={mail.isPending && mail.variables === 'password-reset'} onClick={() => mail.mutate('password-reset')}>
                New password
              </Button>
            </>
          )}
          <Button icon={LogOut} onClick={() => setEnding(true)}>
            Log out everywhere
          </Button>
          <Button tone="danger" icon={Trash2} disabled={last} onClick={() => setRemoving(true)}>
            Remove
          </Button>
        </div>
      </section>
      <LinkDialog link={link} onClose={() => setLink(undefined)} />
      <ConfirmDialog
        open={ending}
        onClose={() => setEnding(false)}
        title={`Log ${nameOf(member)} out everywhere?`}
        action="Log out"
        onConfirm={async () => {
          await ok(api.DELETE('/v1/organizations/{org}/users/{user}/sessions', { params: { path } }))
          toast.done('Logged out everywhere')
        }}
      >
        <p>Every login of this user by password or passkey ends with its passes, at once. Keys, and passes made from keys, go on.</p>
      </ConfirmDialog>
      <ConfirmDialog
        open={removing}
        onClose={() => setRemoving(false)}
        title={`Remove ${nameOf(member)} from ${org}?`}
        action="Remove"
        onConfirm={async () => {
          await ok(api.DELETE('/v1/organizations/{org}/memberships/{user}', { params: { path } }))
          await again()
          toast.done('Member removed')
          onClose()
        }}
      >
        <p>
          {member.user === me?.user.id && <strong className="font-semibold">This is you. </strong>}
          Their keys in this organization go too, and their passes are refused from the next request on. What they did stays in the audit.
        </p>
      </ConfirmDialog>
    </div>
  )
}
