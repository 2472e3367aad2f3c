import { useEffect, useState } from 'react'
import { Link, useNavigate } from '@tanstack/react-router'
import { Check } from 'lucide-react'
import { buttonClass, cx, Skeleton } from '~/parts'
import { session, useSession, useSessionState } from '~/session'
import { Mark } from '~/shell/mark'
import { useMe } from '~/session/me'
import { blank, type Draft, keep, load } from './draft'
import { Enter } from './enter'
import { Api, FirstRequest, Key, Organization, Rules } from './steps'

const steps = ['Organization', 'Your API', 'Rules', 'Key', 'First request']

/** From nothing to the first request that gets through. May be left and taken up again at any step. */
export default function Setup() {
  const state = useSessionState()
  useEffect(() => void session.start(), [])
  return (
    <div className="mx-auto flex min-h-dvh max-w-4xl flex-col px-4 py-6 sm:px-6">
      <title>Set up · Daypass</title>
      {state.phase === 'starting' && <Skeleton className="mt-24 h-96 w-full" />}
      {state.phase === 'out' && <Enter {...(state.problem && { problem: state.problem })} />}
      {state.phase === 'in' && <Wizard />}
    </div>
  )
}

function Wizard() {
  const { org } = useSession()
  const navigate = useNavigate()
  const me = useMe()
  const [kept, setDraft] = useState<Omit<Draft, 'gateway'> & Partial<Draft>>(() => ({ ...blank(org), ...load() }))
  const draft: Draft = { ...kept, gateway: kept.gateway ?? me?.gateway ?? `http://${location.hostname}:8000` }
  const [key, setKey] = useState<string>() // the text, while this page is open
  const change = (next: Partial<Draft>) => {
    const changed = { ...kept, ...next }
    setDraft(changed)
    keep(changed)
  }
  const go = (step: number) => change({ step })
  const done = () => {
    keep(undefined)
    void navigate({ to: '/o/$org', params: { org: draft.org } })
  }
  const step = Math.min(Math.max(draft.step, 0), steps.length - 1)
  const frame = { draft, change, next: (more: Partial<Draft> = {}) => change({ ...more, step: step + 1 }), back: () => go(step - 1), skip: () => go(step + 1) }
  return (
    <>
      <header className="flex h-9 items-center justify-between gap-4">
        <Mark />
        <Link to="/o/$org" params={{ org: draft.org }} className={buttonClass({ tone: 'ghost', size: 'small' })}>
          Skip the set-up
        </Link>
      </header>
      <main className="mt-8 grid gap-8 md:grid-cols-[12rem_minmax(0,1fr)]">
        <nav aria-label="Steps">
          <ol className="flex gap-1 md:flex-col">
            {steps.map((name, index) => (
              <li key={name} className="flex-1">
                <button
                  type="button"
                  aria-current={index === step ? 'step' : undefined}
                  disabled={index > step}
                  onClick={() => go(index)}
                  className={cx('flex w-full items-center gap-2.5 rounded-md p-2 text-left', index === step && 'bg-accent-soft font-medium', index < step && 'hover:bg-hover', index > step && 'cursor-default text-muted')}
                >
                  <span aria-hidden className={cx('flex size-6 shrink-0 items-center justify-center rounded-full border text-xs', index < step ? 'border-accent bg-accent text-on-accent' : index === step ? 'border-accent text-accent' : 'border-line-strong')}>
                    {index < step ? <Check className="size-3.5" strokeWidth={3} /> : index + 1}
                  </span>
                  <span className="sr-only md:not-sr-only">{name}</span>
                  {index < step && <span className="sr-only">, done</span>}
                </button>
              </li>
            ))}
          </ol>
        </nav>
        <section aria-label={steps[step]} className="min-w-0">
          {step === 0 && <Organization {...frame} />}
          {step === 1 && <Api {...frame} />}
          {step === 2 && <Rules {...frame} />}
          {step === 3 && <Key {...frame} onKey={setKey} />}
          {step === 4 && <FirstRequest {...frame} secret={key} done={done} />}
        </section>
      </main>
    </>
  )
}
