import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import { CircleCheck, CircleX, type LucideIcon, TerminalSquare } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { Button, buttonClass, ErrorPanel, Field, Input, Select, Textarea } from '~/parts'
import { ok, session, useSession } from '~/session'
import { Problem } from '~/session/problem'
import { Mark } from '~/shell/mark'
import { plainCode, scopesOf } from './code'

/** Life of the pass, in seconds; it is renewed as long as it is used. */
const lives = [
  { seconds: 3_600, name: '1 hour' },
  { seconds: 28_800, name: '8 hours' },
  { seconds: 86_400, name: '1 day' },
  { seconds: 259_200, name: '3 days' },
]

/** Lets a program in that shows a code, `daypass login` above all (RFC 8628). */
export default function Device() {
  const search = useSearch({ strict: false })
  const [code, setCode] = useState(plainCode(search.user_code ?? ''))
  const [everything, setEverything] = useState(true)
  const [scopes, setScopes] = useState('')
  const [life, setLife] = useState(86_400)
  const answer = useMutation({
    mutationFn: (approve: boolean) =>
      approve
        ? send('/v1/device/approve', { user_code: plainCode(code), expires_in: life, ...(!everything && { scopes: scopesOf(scopes) }) })
        : send('/v1/device/deny', { user_code: plainCode(code) }),
  })
  if (answer.isSuccess) return answer.variables ? <Approved /> : <Denied />

  const complete = plainCode(code).length > 3
  const problem = answer.error && Problem.of(answer.error)
  const scopeError = problem?.field('/scopes') ?? (problem?.code === 'scope_exceeded' ? problem.detail : undefined)
  return (
    <Frame icon={TerminalSquare} title="Approve a device">
      <p className="text-muted">A program asks to act for you, such as <code className="font-mono">daypass login</code> in a terminal.</p>
      <form
        className="flex flex-col gap-4 rounded-xl border border-line bg-surface p-5"
        onSubmit={(event) => {
          event.preventDefault()
          if (complete && !answer.isPending) answer.mutate(true)
        }}
      >
        <Field label="Code" hint="Exactly as your own terminal shows it. If somebody sent you this code or a link, deny it." required>
          <Input mono name="user_code" autoFocus={!code} value={code} onChange={(event) => setCode(event.target.value)} onBlur={() => setCode(plainCode(code))} placeholder="WDJB-MJHT" className="h-11 text-center !text-lg tracking-[0.2em] uppercase" />
        </Field>
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-1 font-medium">What it may do</legend>
          <Choice name="Everything that you may" checked={everything} onChoose={() => setEverything(true)} />
          <Choice name="Only these scopes" checked={!everything} onChoose={() => setEverything(false)} />
          {!everything && (
            <Field label={<span className="sr-only">Scopes</span>} hint="One on a line, such as photos:read or daypass:keys:*." {...(scopeError && { error: scopeError })}>
              <Textarea mono rows={3} value={scopes} onChange={(event) => setScopes(event.target.value)} required />
            </Field>
          )}
        </fieldset>
        <Field label="For how long" hint="It is renewed while it is in use, and ends by itself when it is not.">
          <Select value={life} onChange={(event) => setLife(Number(event.target.value))}>
            {lives.map(({ seconds, name }) => (
              <option key={seconds} value={seconds}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
        <Acting />
        {problem && !scopeError && <ErrorPanel error={problem} />}
        <div className="grid grid-cols-2 gap-2">
          <Button disabled={!complete} busy={answer.isPending && !answer.variables} onClick={() => answer.mutate(false)}>
            Deny
          </Button>
          <Button type="submit" tone="primary" disabled={!complete} busy={answer.isPending && answer.variables}>
            Approve
          </Button>
        </div>
      </form>
    </Frame>
  )
}

// These routes answer nothing that a page would show.
async function send(path: string, body: unknown): Promise<void> {
  const answer = await session
    .fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    .catch((reason: unknown) => {
      throw Problem.of(reason)
    })
  if (!answer.ok) throw await Problem.from(answer)
}

function Choice({ name, checked, onChoose }: { name: string; checked: boolean; onChoose: () => void }) {
  return (
    <label className="flex cursor-pointer items-center gap-2.5">
      <input type="radio" name="grant" checked={checked} onChange={onChoose} className="size-4 accent-accent" />
      {name}
    </label>
  )
}

/** In whose name: with several organizations one should see which it is. */
function Acting() {
  const { api, payload } = useSession()
  const me = useQuery({ queryKey: ['me', payload.uid], queryFn: ({ signal }) => ok(api.GET('/v1/me', { signal })), staleTime: 300_000 }).data
  return (
    <p className="min-h-5 text-muted">
      It will act as <strong className="font-medium text-text">{me?.user.name || me?.user.email || payload.sub}</strong> in <strong className="font-medium text-text">{payload.org}</strong>.
    </p>
  )
}

function Approved() {
  return (
    <Frame icon={CircleCheck} title="Approved">
      <p role="status">Go back to the terminal: it goes on within a few seconds. You can end its pass at any time.</p>
      <Leave />
    </Frame>
  )
}

function Denied() {
  return (
    <Frame icon={CircleX} title="Denied">
      <p role="status">The code is worth nothing any more. If you did not ask for it yourself, somebody else did, and got nothing.</p>
      <Leave />
    </Frame>
  )
}

function Leave() {
  const { org } = useSession()
  return (
    <div className="flex flex-wrap gap-2">
      <Link to="/o/$org/tokens" params={{ org }} className={buttonClass()}>
        See the passes
      </Link>
      <Link to="/o/$org" params={{ org }} className={buttonClass({ tone: 'ghost' })}>
        To the overview
      </Link>
    </div>
  )
}

function Frame({ icon: Icon, title, children }: { icon: LucideIcon; title: string; children: ReactNode }) {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col justify-center gap-5 px-4 py-10">
      <title>{`${title} · Daypass`}</title>
      <Mark />
      <h1 className="flex items-center gap-2.5 text-xl font-semibold">
        <Icon aria-hidden className="size-5 text-accent" />
        {title}
      </h1>
      {children}
    </main>
  )
}
