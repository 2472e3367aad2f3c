import { useMutation, useQuery } from '@tanstack/react-query'
import { CircleCheck, CircleHelp, CircleX, HeartPulse, type LucideIcon, ShieldAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button, Card, cx, ErrorPanel, RelativeTime } from '~/parts'
import { ok, useSession } from '~/session'
import { Scopes } from '../keys/key'
import { claims as claimNames, headers as headerNames, type Meaning } from './claims'
import { type Clock, clockOf, type Decoded } from './decode'
import { verify } from './verify'

type Signed = Extract<Decoded, { kind: 'signed' }>

/** What a text says about itself, and whether it is true. */
export function DecodedCard({ of: decoded }: { of: Decoded }) {
  if (decoded.kind === 'key')
    return (
      <Notice icon={ShieldAlert} tone="bad" title="This is a key, not a pass">
        A key is long-lived and must not be pasted anywhere. It was not sent. If somebody may have seen it, roll it on the page of keys.
      </Notice>
    )
  if (decoded.kind === 'unreadable')
    return (
      <Notice icon={CircleX} tone="bad" title="This is no pass">
        It cannot be read: {decoded.why}. Copy the whole text again.
      </Notice>
    )
  if (decoded.kind === 'encrypted')
    return (
      <Card title="Encrypted">
        <p className="mb-4 max-w-prose">
          This is an encrypted pass (JWE, RFC 7516): a signed one inside an envelope that only the server, and services that were given the decryption key, can open. Whoever holds it cannot read scopes or roles. The gate takes it like any other: ask
          below what it may do, or whether it lives.
        </p>
        <Members title="Header, in clear" of={decoded.header} names={headerNames} />
        <div className="mt-4 border-t border-line pt-4">
          <ul>
            <Liveness text={decoded.text} />
          </ul>
        </div>
      </Card>
    )
  return (
    <>
      <Card title="Is it good?">
        <ul className="flex flex-col gap-4">
          <SignatureLine of={decoded} />
          <ClockLine of={decoded} />
          <Liveness text={decoded.text} />
        </ul>
      </Card>
      <Card title="What it says">
        <div className="flex flex-col gap-5">
          <Members title="Header" of={decoded.header} names={headerNames} />
          <Members title="Claims" of={decoded.claims} names={claimNames} />
        </div>
      </Card>
    </>
  )
}

function Notice({ icon: Icon, tone, title, children }: { icon: LucideIcon; tone: 'bad' | 'warn'; title: string; children: ReactNode }) {
  return (
    <div role="status" className={cx('flex gap-3 rounded-lg border p-4', tone === 'bad' ? 'border-bad/40 bg-bad-soft' : 'border-warn/40 bg-warn-soft')}>
      <Icon aria-hidden className={cx('mt-0.5 size-4 shrink-0', tone === 'bad' ? 'text-bad' : 'text-warn')} />
      <div className="min-w-0">
        <p className={cx('font-medium', tone === 'bad' ? 'text-bad' : 'text-warn')}>{title}</p>
        <p className="break-words">{children}</p>
      </div>
    </div>
  )
}

const signs = {
  good: { icon: CircleCheck, look: 'text-good' },
  bad: { icon: CircleX, look: 'text-bad' },
  open: { icon: CircleHelp, look: 'text-muted' },
} as const

function Line({ state, title, children }: { state: keyof typeof signs; title: string; children: ReactNode }) {
  const { icon: Icon, look } = signs[state]
  return (
    <li className="flex list-none gap-2.5">
      <Icon aria-hidden className={cx('mt-0.5 size-4 shrink-0', look)} />
      <div className="min-w-0">
        <p className={cx('font-medium', look)}>{title}</p>
        <div className="break-words text-muted">{children}</div>
      </div>
    </li>
  )
}

function SignatureLine({ of: decoded }: { of: Signed }) {
  const { api } = useSession()
  const { data, error } = useQuery({
    queryKey: ['jwks', decoded.text],
    gcTime: 0, // the text is part of the key
    queryFn: async ({ signal }) => verify(decoded, (await ok(api.GET('/.well-known/jwks.json', { signal }))).keys as JsonWebKey[]),
  })
  if (error) return <Line state="open" title="Signature not checked">{error.message}</Line>
  if (!data) return <Line state="open" title="Checking the signature">By the keys at /.well-known/jwks.json, in this browser.</Line>
  if (data.state === 'good')
    return (
      <Line state="good" title="The signature is good">
        {data.alg} by <code className="font-mono text-xs">{data.kid}</code>: this server issued it and nobody changed it. Checked in this browser.
      </Line>
    )
  return (
    <Line state={data.state} title={data.state === 'bad' ? 'The signature is not good' : 'The signature cannot be checked here'}>
      {data.why}
    </Line>
  )
}

const clocks: Record<Clock, { state: keyof typeof signs; title: string }> = {
  good: { state: 'good', title: 'Its time has come, and is not over' },
  early: { state: 'bad', title: 'It does not count yet' },
  ended: { state: 'bad', title: 'It has expired' },
  timeless: { state: 'bad', title: 'It has no end' },
}

function ClockLine({ of: { claims } }: { of: Signed }) {
  const { state, title } = clocks[clockOf(claims, Date.now() / 1000)]
  return (
    <Line state={state} title={title}>
      {typeof claims['exp'] === 'number' ? <Moment seconds={claims['exp']} before="Ends" /> : 'Passes always have an end (exp).'} By this computer’s clock.
    </Line>
  )
}

const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

function Moment({ seconds, before }: { seconds: number; before?: string }) {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return <>{seconds}</>
  return (
    <>
      {before} <RelativeTime time={seconds} />, {absolute.format(date)}.
    </>
  )
}

/** Whether the server still takes the pass, once one asks it. */
function Liveness({ text }: { text: string }) {
  const { api } = useSession()
  const ask = useMutation({ mutationFn: (token: string) => ok(api.POST('/v1/tokens/introspect', { body: { token } })) })
  const asked = ask.variables === text
  return (
    <Line
      state={asked && ask.data ? (ask.data.active ? 'good' : 'bad') : 'open'}
      title={!asked || !ask.data ? 'Whether it lives, only the server knows' : ask.data.active ? 'It lives' : 'It is not active'}
    >
      {asked && ask.data
        ? ask.data.active
          ? `Neither it nor anything it came from was revoked${ask.data.token_type === 'DPoP' ? '; each use must prove its sender’s key (DPoP)' : ''}.`
          : 'It is unknown, expired, revoked, or of an organization that you may not read.'
        : 'It may have been revoked. To ask, its text is sent to this server, and nowhere else.'}
      <div aria-live="polite" className="mt-2 flex flex-col items-start gap-2">
        <Button size="small" icon={HeartPulse} busy={ask.isPending} onClick={() => ask.mutate(text)}>
          {asked && ask.data ? 'Ask again' : 'Ask the server'}
        </Button>
        {asked && ask.error && <ErrorPanel error={ask.error} />}
      </div>
    </Line>
  )
}

function Members({ title, of, names }: { title: string; of: Record<string, unknown>; names: Record<string, Meaning> }) {
  return (
    <section>
      <h3 className="mb-1 font-semibold">{title}</h3>
      <dl className="grid gap-x-8 border-b border-line xl:grid-cols-2">
        {Object.entries(of).map(([name, value]) => {
          const meaning = Object.hasOwn(names, name) ? names[name] : undefined
          return (
            <div key={name} className="grid content-start gap-x-4 gap-y-0.5 border-t border-line py-2 sm:grid-cols-[13rem_minmax(0,1fr)]">
              <dt className="min-w-0">
                <code className="font-mono text-xs font-semibold break-all">{name}</code>
                <span className="block text-xs text-muted">
                  {meaning ? meaning.means : 'Not known to Daypass; readers ignore it'}
                  {meaning?.rfc && (
                    <>
                      {' · '}
                      <a href={`https://www.rfc-editor.org/rfc/rfc${meaning.rfc[0]}#section-${meaning.rfc[1]}`} target="_blank" rel="noreferrer" className="whitespace-nowrap text-accent underline underline-offset-2">
                        RFC {meaning.rfc[0]} §{meaning.rfc[1]}
                      </a>
                    </>
                  )}
                </span>
              </dt>
              <dd className="min-w-0 break-words">
                <Value of={value} as={meaning?.as} />
              </dd>
            </div>
          )
        })}
      </dl>
    </section>
  )
}

function Value({ of: value, as }: { of: unknown; as: Meaning['as'] }) {
  if (as === 'time' && typeof value === 'number')
    return (
      <>
        <Moment seconds={value} /> <code className="block font-mono text-xs text-muted">{value}</code>
      </>
    )
  if (as === 'words' && typeof value === 'string') return <Scopes list={value.split(' ').filter(Boolean)} />
  if (as === 'words' && Array.isArray(value)) return <Scopes list={value.map(String)} />
  if (as === 'life' && typeof value === 'number') return <>{value.toLocaleString('en')} seconds</>
  if (typeof value === 'string') return <code className="font-mono text-xs break-all">{value}</code>
  return <pre className="font-mono text-xs break-all whitespace-pre-wrap">{JSON.stringify(value, null, typeof value === 'object' ? 1 : 0)}</pre>
}
