import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Fingerprint, KeyRound, LogIn, X } from 'lucide-react'
import { type FormEvent, type ReactNode, useState } from 'react'
import { Button, buttonClass, Checkbox, ErrorPanel, Field, IconButton, Input, Tabs } from '~/parts'
import { useSessionState } from '~/session'
import { addresses, enterWithKey, enterWithPasskey, enterWithPassword, type Options, readOptions } from '~/session/login'
import { Mark } from '~/shell/mark'
import { refusalOf, throughIssuer } from './issuer'

/** Logs in by whatever this server offers, and goes back to where somebody came from. */
export default function Login() {
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const state = useSessionState()
  const organization = search.organization ?? ''
  const options = useQuery({ queryKey: ['login', organization], queryFn: ({ signal }) => readOptions(organization, signal), staleTime: 60_000, placeholderData: keepPreviousData })
  const [way, setWay] = useState('key')
  const done = () => void navigate({ href: search.to ?? '/', replace: true })
  const ended = state.phase === 'out' ? state.problem : undefined

  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col justify-center gap-6 px-4 py-10">
      <header className="flex flex-col gap-2">
        <title>Log in · Daypass</title>
        <Mark />
        <h1 className="text-xl font-semibold">Log in</h1>
        <p className="text-muted">A key is exchanged for a pass of three days and forgotten at once.</p>
      </header>
      {ended && (
        <p role="status" className="rounded-lg border border-line bg-info-soft px-4 py-3 text-info">
          You were logged out: {ended.detail}
        </p>
      )}
      {options.data?.setup && (
        <p role="note" className="rounded-lg border border-line bg-info-soft px-4 py-3 text-info">
          This server is new. Log in with the key that it printed when it was made; then protect your first API.
        </p>
      )}
      {search.error && <ErrorPanel error={refusalOf(search.error)} />}
      <section aria-label="Ways to log in" className="flex flex-col gap-5 rounded-xl border border-line bg-surface p-5">
        {options.isPending || options.data?.password ? (
          <Tabs
            label="Log in with"
            value={way}
            onChange={setWay}
            tabs={[
              { id: 'key', label: 'API key', content: <ByKey options={options.data} pending={options.isPending} done={done} /> },
              { id: 'password', label: 'Password', content: <ByPassword done={done} /> },
            ]}
          />
        ) : (
          <ByKey options={options.data} pending={false} done={done} />
        )}
        {options.error && <ErrorPanel error={options.error} retry={() => void options.refetch()} />}
        <Others
          options={options.data}
          to={search.to}
          organization={organization}
          choose={(organization) => void navigate({ to: '/login', search: { ...search, organization }, replace: true })}
          done={done}
        />
      </section>
      <footer className="flex justify-between text-xs text-muted">
        <a className="underline underline-offset-2" href="/docs/errors">
          What errors mean
        </a>
        {options.data && <span>Daypass {options.data.version}</span>}
      </footer>
    </main>
  )
}

function Form({ onSubmit, error, busy, children }: { onSubmit: () => void; error: unknown; busy: boolean; children: ReactNode }) {
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!busy) onSubmit()
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {children}
      {error ? <ErrorPanel error={error} /> : null}
      <Button type="submit" tone="primary" icon={LogIn} busy={busy}>
        Log in
      </Button>
    </form>
  )
}

function ByKey({ options, pending, done }: { options: Options | undefined; pending: boolean; done: () => void }) {
  const [key, setKey] = useState('')
  const [bound, setBound] = useState(true)
  const address = options?.address ?? ''
  const enter = useMutation({
    mutationFn: () => enterWithKey(key, address, bound),
    onSuccess: () => {
      setKey('')
      done()
    },
  })
  return (
    <Form onSubmit={() => enter.mutate()} error={enter.error} busy={enter.isPending}>
      <Field label="API key" hint="Begins with dp_live_ or dp_test_. It stays on this page only until you press the button." required>
        <Input mono type="password" name="key" value={key} onChange={(event) => setKey(event.target.value)} autoFocus />
      </Field>
      <Checkbox
        label="Only from this address"
        hint="Elsewhere the pass is worth nothing. Addresses that you logged in from before stay good."
        checked={bound}
        onChange={setBound}
      />
      {bound && <Remembered address={address} pending={pending} />}
    </Form>
  )
}

/** The addresses that the pass will be good from. One that is not trusted any more can be taken off. */
function Remembered({ address, pending }: { address: string; pending: boolean }) {
  const [earlier, setEarlier] = useState(() => addresses.list())
  const others = earlier.filter((one) => one !== address)
  if (!address && !pending && others.length === 0) return null
  return (
    <div className="text-xs">
      <h2 className="mb-1 font-medium">The pass will be good from</h2>
      <ul className="divide-y divide-line rounded-md border border-line">
        {(address || pending) && (
          <li className="flex h-8 items-center justify-between px-3">
            <code className="font-mono">{address || '…'}</code>
            <span className="text-muted">here and now</span>
          </li>
        )}
        {others.map((one) => (
          <li key={one} className="flex h-8 items-center justify-between pr-1 pl-3">
            <code className="font-mono">{one}</code>
            <IconButton
              size="small"
              label={`Forget ${one}`}
              icon={X}
              onClick={() => {
                addresses.forget(one)
                setEarlier(addresses.list())
              }}
            />
          </li>
        ))}
      </ul>
    </div>
  )
}

function ByPassword({ done }: { done: () => void }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [organization, setOrganization] = useState('')
  const enter = useMutation({
    mutationFn: () => enterWithPassword(name, password, organization),
    onSuccess: done,
  })
  return (
    <Form onSubmit={() => enter.mutate()} error={enter.error} busy={enter.isPending}>
      <Field label="E-mail address" required>
        <Input type="email" name="username" autoComplete="username" value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label="Password" required>
        <Input type="password" name="password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />
      </Field>
      <Field label="Organization" hint="Needed only where you are in several.">
        <Input name="organization" value={organization} onChange={(event) => setOrganization(event.target.value)} />
      </Field>
    </Form>
  )
}

interface OthersProps {
  options: Options | undefined
  to: string | undefined
  organization: string
  choose: (organization: string) => void
  done: () => void
}

function Others({ options, to, organization, choose, done }: OthersProps) {
  const passkey = useMutation({ mutationFn: enterWithPasskey, onSuccess: done })
  const passkeys = options?.passkey && !/^[\d.]+$|:/.test(location.hostname) // browsers have none at an address that is no name
  if (!options || (!passkeys && !options.by_organization && options.issuers.length === 0)) return null
  return (
    <div className="flex flex-col gap-2 border-t border-line pt-4">
      {options.issuers.map((issuer) => (
        <a key={issuer.id} href={throughIssuer(issuer.id, to)} className={buttonClass()}>
          <KeyRound aria-hidden className="size-4" />
          Continue with {issuer.name}
        </a>
      ))}
      {passkeys && (
        <Button icon={Fingerprint} busy={passkey.isPending} onClick={() => passkey.mutate()}>
          Use a passkey
        </Button>
      )}
      {passkey.error && <ErrorPanel error={passkey.error} />}
      {options.by_organization && <ByOrganization key={organization} named={organization} found={options.issuers.length > 0} choose={choose} />}
    </div>
  )
}

/** The services that people may log in by are shown to whoever names their organization. */
function ByOrganization({ named, found, choose }: { named: string; found: boolean; choose: (organization: string) => void }) {
  const [organization, setOrganization] = useState(named)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    choose(organization.trim().toLowerCase())
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-3 pt-2">
      <Field
        label="Organization"
        hint="Its short name, to log in by its own service."
        error={named && !found ? 'Nobody logs in by a service of this organization here.' : undefined}
      >
        <Input name="organization" value={organization} onChange={(event) => setOrganization(event.target.value)} />
      </Field>
      <Button type="submit" icon={KeyRound}>
        Show its services
      </Button>
    </form>
  )
}
