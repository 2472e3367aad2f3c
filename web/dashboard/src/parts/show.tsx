import { Check, Copy, type LucideIcon } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { Button, IconButton } from './button'
import { cx } from './cx'
import { Tabs } from './tabs'

/** A state in a word, with a colour that only repeats it. */
export function Badge({ tone = 'plain', icon: Icon, children }: { tone?: 'plain' | 'good' | 'warn' | 'bad' | 'info'; icon?: LucideIcon; children: ReactNode }) {
  const look = { plain: 'bg-sunken text-muted', good: 'bg-good-soft text-good', warn: 'bg-warn-soft text-warn', bad: 'bg-bad-soft text-bad', info: 'bg-info-soft text-info' }[tone]
  return (
    <span className={cx('inline-flex max-w-full items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap', look)}>
      {Icon && <Icon aria-hidden className="size-3 shrink-0" />}
      <span className="truncate">{children}</span>
    </span>
  )
}

/** Holds the place of what is being loaded. Give it the size of that: `className="h-10 w-64"`. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cx('block animate-pulse rounded bg-hover', className ?? 'h-4 w-full')} />
}

/** Title, one sentence and the actions of a page; sets the title of the window too. */
export function PageHeader({ title, description, actions, children }: { title: string; description?: ReactNode; actions?: ReactNode; children?: ReactNode }) {
  return (
    <header className="mb-6 flex flex-wrap items-start gap-x-6 gap-y-3">
      <title>{`${title} · Daypass`}</title>
      <div className="min-w-0 flex-1 basis-72">
        <h1 className="text-xl font-semibold tracking-tight text-balance">{title}</h1>
        {description && <p className="mt-1 max-w-prose text-muted">{description}</p>}
        {children}
      </div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </header>
  )
}

/** A box with an optional heading. */
export function Card({ title, actions, className, children }: { title?: ReactNode; actions?: ReactNode; className?: string; children: ReactNode }) {
  return (
    <section className={cx('rounded-lg border border-line bg-surface', className)}>
      {title && (
        <header className="flex min-h-11 items-center gap-3 border-b border-line px-4 py-1.5">
          <h2 className="flex-1 font-semibold">{title}</h2>
          {actions}
        </header>
      )}
      <div className="p-4">{children}</div>
    </section>
  )
}

/** Copies a text and says so. With children a button with words, else an icon. */
export function CopyButton({ text, label = 'Copy', children, onCopied }: { text: string; label?: string; children?: ReactNode; onCopied?: () => void }) {
  const [copied, setCopied] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = async () => {
    if (!(await copyText(text))) return
    setCopied(true)
    onCopied?.()
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setCopied(false), 2000)
  }
  const icon = copied ? Check : Copy
  return (
    <>
      {children ? (
        <Button icon={icon} onClick={copy}>
          {children}
        </Button>
      ) : (
        <IconButton size="small" label={copied ? 'Copied' : label} icon={icon} onClick={copy} />
      )}
      <span role="status" className="sr-only">
        {copied ? 'Copied' : ''}
      </span>
    </>
  )
}

// Plain http at a host other than localhost has no clipboard; there the old way still works.
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.className = 'sr-only'
    const host = document.querySelector('[role=dialog]') ?? document.body // a dialog keeps the focus inside
    host.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    return done
  }
}

/** Program text, a command or a secret, with a button that copies it. `label` says what it is. */
export function CodeBlock({ label, children, wrap, className }: { label: string; children: string; wrap?: boolean; className?: string }) {
  return (
    <div className={cx('relative rounded-lg border border-line bg-sunken', className)}>
      <pre tabIndex={0} role="group" aria-label={label} className={cx('overflow-x-auto py-2.5 pr-11 pl-3 font-mono text-xs leading-5', wrap && 'break-all whitespace-pre-wrap')}>
        {children}
      </pre>
      <span className="absolute top-1.5 right-1.5 rounded-md bg-sunken">
        <CopyButton text={children} label={`Copy: ${label}`} />
      </span>
    </div>
  )
}

export type Snippets = { curl: string; js: string; go: string }

/** The same thing by curl, JavaScript and Go. */
export function SnippetTabs({ snippets }: { snippets: Snippets }) {
  return (
    <Tabs
      label="Language"
      tabs={[
        { id: 'curl', label: 'curl', content: <CodeBlock label="curl">{snippets.curl}</CodeBlock> },
        { id: 'js', label: 'JavaScript', content: <CodeBlock label="JavaScript">{snippets.js}</CodeBlock> },
        { id: 'go', label: 'Go', content: <CodeBlock label="Go">{snippets.go}</CodeBlock> },
      ]}
    />
  )
}

/** What to show where there is nothing yet: what it would be, the way to the first one, and the same by program. */
export function EmptyState({ icon: Icon, title, children, action, snippets }: { icon: LucideIcon; title: string; children?: ReactNode; action?: ReactNode; snippets?: Snippets }) {
  return (
    <div className="rounded-lg border border-dashed border-line-strong/60 px-4 py-8 sm:px-8">
      <div className="mx-auto flex max-w-2xl flex-col items-center text-center">
        <span className="mb-3 rounded-full bg-accent-soft p-3 text-accent">
          <Icon aria-hidden className="size-5" />
        </span>
        <h2 className="text-base font-semibold">{title}</h2>
        {children && <div className="mt-1 max-w-prose text-muted">{children}</div>}
        {action && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
      </div>
      {snippets && (
        <div className="mx-auto mt-6 max-w-2xl">
          <SnippetTabs snippets={snippets} />
        </div>
      )}
    </div>
  )
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' })
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** "3 hr ago", "in 2 days": short enough for a column of 7rem. */
export function relativeTime(then: number, now: number): string {
  const seconds = Math.round((then - now) / 1000)
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit).replace('.', '')
  }
  return seconds > 0 ? 'in a minute' : 'just now' // the clock of the page ticks too seldom for more
}

// One clock for all of them.
let now = Date.now()
const clock = new Set<() => void>()
setInterval(() => {
  now = Date.now()
  for (const tick of clock) tick()
}, 30_000)
const onTick = (tick: () => void) => {
  clock.add(tick)
  return () => clock.delete(tick)
}

/** A time as it is from now, and as it stands in the calendar when one points at it. `time`: RFC 3339, or seconds since 1970. */
export function RelativeTime({ time, none = 'never' }: { time: string | number | undefined; none?: string }) {
  useSyncExternalStore(onTick, () => now)
  if (time === undefined) return <span className="text-muted">{none}</span>
  const date = new Date(typeof time === 'number' ? time * 1000 : time)
  return (
    <time dateTime={date.toISOString()} title={absolute.format(date)} className="whitespace-nowrap">
      {relativeTime(date.getTime(), Date.now())}
    </time>
  )
}
