import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import { CircleCheck, CircleX } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { Button, buttonClass, ErrorPanel, Field, Input, RelativeTime, Select, Skeleton, Textarea } from '~/parts'
import { api, ok, type Schemas, useSession } from '~/session'
import { useMe } from '~/session/me'
import { Mark } from '~/shell/mark'

type Decision = { approved: boolean; client: string }

/** Lets a program without a browser log in, such as `daypass login` in a shell, or refuses it. */
export default function Device() {
  const search = useSearch({ strict: false })
  const [code, setCode] = useState(search.user_code ?? '')
  const [decision, setDecision] = useState<Decision>()
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col justify-center gap-6 px-4 py-10">
      <header className="flex flex-col gap-2">
        <title>Let a program log in · Daypass</title>
        <Mark />
        <h1 className="text-xl font-semibold">Let a program log in</h1>
      </header>
      <section className="rounded-xl border border-line bg-surface p-5">
        {decision ? <Done {...decision} /> : code ? <Decide code={code} other={() => setCode('')} done={setDecision} /> : <AskCode done={setCode} />}
      </section>
      {!decision && (
        <Link to="/" className="text-xs text-muted underline underline-offset-2">
          To the dashboard
        </Link>
      )}
    </main>
  )
}

function AskCode({ done }: { done: (code: string) => void }) {
  const [typed, setTyped] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (typed.trim()) done(typed.trim())
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Code" hint="The program shows it, such as WDJB-MJHT. Enter only a code that you asked for yourself." required>
        <Input mono name="user_code" autoCapitalize="characters" value={typed} onChange={(event) => setTyped(event.target.value)} autoFocus />
      </Field>
      <Button type="submit" tone="primary">
        Continue
      </Button>
    </form>
  )
}

function Decide({ code, other, done }: { code: string; other: () => void; done: (decision: Decision) => void }) {
  const device = useQuery({
    queryKey: ['device', code],
    queryFn: ({ signal }) => ok(api.GET('/v1/device', { params: { query: { user_code: code } }, signal })),
    retry: false,
  })
  if (device.isPending) return <Skeleton className="h-72" />
  if (device.error)
    return (
      <div className="flex flex-col gap-4">
        <ErrorPanel error={device.error} />
        <Button onClick={other}>Enter another code</Button>
      </div>
    )
  return <Choice code={code} device={device.data} done={done} />
}

/** A code as the program shows it, however it was typed. */
function asShown(code: string): string {
  const letters = code.toUpperCase().replace(/[^A-Z]/g, '')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}

const lives = [
  { seconds: 3600, name: 'an hour' },
  { seconds: 86_400, name: 'a day' },
  { seconds: 604_800, name: 'a week' },
]

function Choice({ code, device, done }: { code: string; device: Schemas['Device']; done: (decision: Decision) => void }) {
  const [scopes, setScopes] = useState((device.scopes ?? ['*']).join('\n'))
  const [life, setLife] = useState(86_400)
  const { payload } = useSession()
  // A login by password or passkey renews nothing but itself: the program's pass lasts as long as one of its own.
  const once = payload.via?.startsWith('ses_') ?? false
  const approve = useMutation({
    mutationFn: () => ok(api.POST('/v1/device/approve', { body: { user_code: code, scopes: scopes.split(/\s+/).filter(Boolean), ...(!once && { expires_in: life }) } })),
    onSuccess: () => done({ approved: true, client: device.client }),
  })
  const deny = useMutation({
    mutationFn: () => ok(api.POST('/v1/device/deny', { body: { user_code: code } })),
    onSuccess: () => done({ approved: false, client: device.client }),
  })
  return (
    <div className="flex flex-col gap-4">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
        <dt className="text-muted">Calls itself</dt>
        <dd className="font-medium break-words">{device.client}</dd>
        <dt className="text-muted">Comes from</dt>
        <dd className="break-words">{device.address}</dd>
        <dt className="text-muted">Asked</dt>
        <dd>
          <RelativeTime time={device.created} />
        </dd>
        <dt className="text-muted">Code</dt>
        <dd className="font-mono">{asShown(code)}</dd>
      </dl>
      <p className="rounded-lg bg-warn-soft px-3 py-2 text-warn">Allow it only if you started it just now, and the code is the one that it shows.</p>
      <Field label="What it may do" hint="Scopes, one a line; never more than you may do yourself.">
        <Textarea mono rows={3} value={scopes} onChange={(event) => setScopes(event.target.value)} />
      </Field>
      {once ? (
        <p className="rounded-lg bg-info-soft px-3 py-2 text-info">
          Its pass lasts {minutes(payload.expt)} and is not renewed, since you logged in without a key. Log in here with a key to give it longer.
        </p>
      ) : (
        <Field label="Without being used for" hint="Its pass is renewed while the program is used, and ends after that.">
          <Select value={life} onChange={(event) => setLife(Number(event.target.value))}>
            {lives.map((one) => (
              <option key={one.seconds} value={one.seconds}>
                {one.name}
              </option>
            ))}
          </Select>
        </Field>
      )}
      <Acting />
      {(approve.error ?? deny.error) && <ErrorPanel error={approve.error ?? deny.error} />}
      <div className="flex flex-wrap justify-end gap-2">
        <Button busy={deny.isPending} onClick={() => deny.mutate()}>
          Refuse
        </Button>
        <Button tone="primary" busy={approve.isPending} onClick={() => approve.mutate()}>
          Let it log in
        </Button>
      </div>
    </div>
  )
}

const minutes = (seconds: number) => (seconds === 3600 ? 'an hour' : `${Math.round(seconds / 60)} minutes`)

/** In whose name: who is in several organizations should see which one it is. */
function Acting() {
  const { payload } = useSession()
  const me = useMe()
  return (
    <p className="min-h-5 text-muted">
      It will act as <strong className="font-medium text-text">{me?.user.name || me?.user.email || payload.sub}</strong> in <strong className="font-medium text-text">{payload.org}</strong>.
    </p>
  )
}

function Done({ approved, client }: Decision) {
  const Icon = approved ? CircleCheck : CircleX
  return (
    <div role="status" className="flex flex-col items-start gap-3">
      <Icon aria-hidden className={approved ? 'size-8 text-good' : 'size-8 text-bad'} />
      <p className="text-base font-medium break-words">{approved ? `${client} is logged in.` : `${client} was refused.`}</p>
      <p className="text-muted">You may close this page.{approved && ' The pass of the program is listed under Passes, and ended there.'}</p>
      <Link to="/" className={buttonClass()}>
        To the dashboard
      </Link>
    </div>
  )
}
