import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Fingerprint, LogIn, LogOut, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button, Card, ConfirmDialog, Dialog, EmptyState, ErrorPanel, Field, IconButton, Input, RelativeTime, Table, toast } from '~/parts'
import { ok, Problem, session, useSession } from '~/session'
import { useMe } from '~/session/me'
import { usePages } from '~/session/pages'
import { asked } from '~/session/passkey'
import { useLeave } from '~/shell/leave'
import { browserOf } from './browser'

type Passkey = { id: string; name?: string; created: string; used?: { time: string; address?: string } }

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await session.fetch(path, init)
  if (!answer.ok) throw await Problem.from(answer)
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

/** One's own passkeys; `missing` where the server has no such thing. */
export function usePasskeys() {
  const { payload } = useSession()
  const list = useQuery({ queryKey: ['passkeys', payload.uid], queryFn: ({ signal }) => call<{ items: Passkey[] }>('/v1/passkeys', { signal }), retry: false })
  return { ...list, missing: list.isPending || (list.error !== null && Problem.of(list.error).status === 404) }
}

/** Logging in with a finger, a face or a stick. */
export function Passkeys() {
  const { payload } = useSession()
  const queries = useQueryClient()
  const leave = useLeave()
  const list = usePasskeys()
  const [adding, setAdding] = useState(false)
  const [name, setName] = useState('')
  const [removing, setRemoving] = useState<Passkey>()
  const again = () => queries.invalidateQueries({ queryKey: ['passkeys', payload.uid] })
  const enrol = useMutation({
    mutationFn: async () => {
      const options = await call<{ ceremony: string; public_key: PublicKeyCredentialCreationOptionsJSON }>('/v1/passkeys/options', { method: 'POST' })
      const credential = await asked(() => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.public_key) }))
      await call('/v1/passkeys', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name, ceremony: options.ceremony, credential: credential.toJSON() }) })
    },
    onSuccess: async () => {
      await again()
      setAdding(false)
      setName('')
      toast.done('Passkey added', 'From now on you can log in with it.')
    },
  })
  const stale = enrol.error !== null && /^(fresh|whole)_login_required$/.test(Problem.of(enrol.error).code)
  const add = (
    <Button tone="primary" icon={Plus} disabled={!('PublicKeyCredential' in window)} onClick={() => setAdding(true)}>
      Add a passkey
    </Button>
  )
  const rows = list.data?.items ?? []
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-prose text-muted">Yours alone: log in with a fingerprint, a face or a security key in place of a password.</p>
        {rows.length > 0 && add}
      </div>
      <Table
        label="Passkeys"
        rows={rows}
        loading={list.isPending}
        error={list.error}
        retry={() => void list.refetch()}
        rowKey={(passkey) => passkey.id}
        empty={
          <EmptyState icon={Fingerprint} title="No passkeys yet" action={add}>
            A passkey cannot be guessed, reused elsewhere or given to a false page.
          </EmptyState>
        }
        columns={[
          { id: 'name', header: 'Passkey', cell: (passkey) => passkey.name || passkey.id },
          { id: 'created', header: 'Added', width: '9rem', wide: true, cell: (passkey) => <RelativeTime time={passkey.created} /> },
          { id: 'used', header: 'Last used', width: '9rem', cell: (passkey) => <RelativeTime time={passkey.used?.time} /> },
          { id: 'actions', header: 'Actions', width: '5rem', align: 'right', cell: (passkey) => <IconButton size="small" label={`Delete ${passkey.name || passkey.id}`} icon={Trash2} onClick={() => setRemoving(passkey)} /> },
        ]}
      />
      <Dialog open={adding} onClose={() => setAdding(false)} title="Add a passkey" description="The browser asks for your finger, your face or your security key.">
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault()
            if (!enrol.isPending) enrol.mutate()
          }}
        >
          <Field label="Name" required hint="By which you know it again.">
            <Input value={name} onChange={(event) => setName(event.target.value)} placeholder="Laptop" maxLength={100} />
          </Field>
          {enrol.error && <ErrorPanel error={enrol.error} />}
          <div className="flex justify-end gap-2">
            {stale && (
              <Button icon={LogIn} onClick={() => leave({ to: location.pathname + location.search })}>
                Log in again
              </Button>
            )}
            <Button type="submit" tone="primary" busy={enrol.isPending}>
              Add
            </Button>
          </div>
        </form>
      </Dialog>
      <ConfirmDialog
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Delete the passkey ${removing?.name ?? ''}?`}
        action="Delete"
        onConfirm={async () => {
          await call(`/v1/passkeys/${encodeURIComponent(removing!.id)}`, { method: 'DELETE' })
          await again()
          toast.done('Passkey deleted')
        }}
      >
        <p>Nobody logs in with it again. Delete it on the device too.</p>
      </ConfirmDialog>
    </div>
  )
}

/** Where one is logged in, one's password, and the end of all of it. */
export function Logins() {
  const { org, api, payload } = useSession()
  const me = useMe()
  const queries = useQueryClient()
  const leave = useLeave()
  const [leaving, setLeaving] = useState(false)
  const user = payload.uid ?? me?.user.id ?? ''
  const home = payload.org
  const sessions = usePages([home, 'sessions', user], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/users/{user}/sessions', { params: { path: { org: home, user }, query: { ...cursor, limit: 100 } }, signal })))
  const end = useMutation({
    mutationFn: (id: string) => ok(api.DELETE('/v1/organizations/{org}/users/{user}/sessions/{session}', { params: { path: { org: home, user, session: id } } })),
    onSuccess: () => toast.done('Logged out there'),
    onError: toast.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: [home, 'sessions'] }),
  })
  return (
    <div className="flex flex-col gap-6">
      <section className="flex flex-col gap-3">
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="max-w-prose text-muted">Your logins by password or passkey{org === home ? '' : ` in ${home}`}. Yours with a key is among its passes.</p>
          <Button tone="danger" icon={LogOut} onClick={() => setLeaving(true)}>
            Log out everywhere
          </Button>
        </div>
        <Table
          label="Logins"
          {...sessions}
          rowKey={(login) => login.id}
          empty={<p className="rounded-lg border border-line p-6 text-center text-muted">No login by password or passkey. You came with a key.</p>}
          columns={[
            { id: 'agent', header: 'With', width: '8.5rem', cell: (login) => <span title={login.used.user_agent}>{browserOf(login.used.user_agent)}</span> },
            { id: 'address', header: 'From', cell: (login) => <code className="font-mono text-xs">{login.used.address}</code> },
            { id: 'used', header: 'Last used', width: '8rem', wide: true, cell: (login) => <RelativeTime time={login.used.time} /> },
            { id: 'expires', header: 'Ends', width: '8rem', wide: true, cell: (login) => <RelativeTime time={login.expires} /> },
            {
              id: 'actions',
              header: 'Actions',
              width: '5rem',
              align: 'right',
              cell: (login) => (
                <Button size="small" busy={end.isPending && end.variables === login.id} aria-label={`End the login from ${login.used.address}`} onClick={() => end.mutate(login.id)}>
                  End
                </Button>
              ),
            },
          ]}
        />
      </section>
      {me?.user.email && <Password user={user} org={home} />}
      <ConfirmDialog open={leaving} onClose={() => setLeaving(false)} title="Log out everywhere?" action="Log out everywhere" onConfirm={() => leave({ everywhere: true })}>
        <p>Every pass of the key or login that this one came from ends at once, on all devices. Then you log in again here.</p>
      </ConfirmDialog>
    </div>
  )
}

function Password({ user, org }: { user: string; org: string }) {
  const { api } = useSession()
  const [old, setOld] = useState('')
  const [fresh, setFresh] = useState('')
  const change = useMutation({
    mutationFn: () => ok(api.PUT('/v1/organizations/{org}/users/{user}/password', { params: { path: { org, user } }, body: { old_password: old, password: fresh } })),
    onSuccess: () => {
      setOld('')
      setFresh('')
      toast.done('Password changed', 'All logins by password have ended.')
    },
  })
  const problem = change.error ? Problem.of(change.error) : undefined
  return (
    <Card title="Your password" className="max-w-xl">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (!change.isPending) change.mutate()
        }}
      >
        <Field label="Old password" required error={problem?.field('/old_password')}>
          <Input type="password" autoComplete="current-password" value={old} onChange={(event) => setOld(event.target.value)} />
        </Field>
        <Field label="New password" required error={problem?.field('/password')}>
          <Input type="password" autoComplete="new-password" value={fresh} onChange={(event) => setFresh(event.target.value)} />
        </Field>
        {change.error && <ErrorPanel error={change.error} />}
        <div>
          <Button type="submit" busy={change.isPending}>
            Change
          </Button>
        </div>
      </form>
    </Card>
  )
}
