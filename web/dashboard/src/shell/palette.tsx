import { Dialog as Base } from '@base-ui/react/dialog'
import { Search } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { cx } from '~/parts/cx'
import { type Command, search, useRegistered } from './commands'

const listeners = new Set<() => void>()

/** Opens the palette. */
export function openPalette(): void {
  for (const listener of listeners) listener()
}

/** Goes anywhere and does anything, by typing. Opened by ⌘K or Ctrl+K. */
export function Palette() {
  const [open, setOpen] = useState(false)
  useEffect(() => {
    const show = () => setOpen(true)
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.shiftKey || event.altKey) return
      event.preventDefault()
      setOpen((was) => !was)
    }
    listeners.add(show)
    document.addEventListener('keydown', onKey)
    return () => {
      listeners.delete(show)
      document.removeEventListener('keydown', onKey)
    }
  }, [])
  return (
    <Base.Root open={open} onOpenChange={setOpen}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-50 bg-shade" />
        <Base.Popup className="fixed top-[12dvh] left-1/2 z-50 flex max-h-[70dvh] w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 flex-col overflow-hidden rounded-xl border border-line bg-surface shadow-2xl">
          <Base.Title className="sr-only">Commands</Base.Title>
          <Finder close={() => setOpen(false)} />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

function Finder({ close }: { close: () => void }) {
  const id = useId()
  const [typed, setTyped] = useState('')
  const [active, setActive] = useState(0)
  const box = useRef<HTMLDivElement>(null)
  const groups = grouped(search(useRegistered(), typed))
  const shown = groups.flatMap((group) => group.commands)
  const current = Math.min(active, Math.max(shown.length - 1, 0))

  useEffect(() => {
    box.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }, [current, typed])

  const run = (command: Command | undefined) => {
    if (!command) return
    close()
    // After the dialog gave the focus back, so that what opens next can take it.
    setTimeout(() => command.run())
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') {
      event.preventDefault()
      run(shown[current])
      return
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    setActive((current + step + shown.length) % Math.max(shown.length, 1))
  }
  return (
    <>
      <div className="flex items-center gap-3 border-b border-line px-4 has-focus-visible:border-accent has-focus-visible:shadow-[inset_0_-1px_var(--accent)]">
        <Search aria-hidden className="size-4 shrink-0 text-muted" />
        <input
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={shown[current] && `${id}-${shown[current].id}`}
          aria-label="Search for a page or an action"
          placeholder="Where to, or what to do?"
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value)
            setActive(0)
          }}
          onKeyDown={onKeyDown}
          className="h-12 w-full bg-transparent text-base outline-none"
        />
        <kbd className="rounded border border-line px-1.5 text-xs text-muted">Esc</kbd>
      </div>
      <div ref={box} id={`${id}-list`} role="listbox" aria-label="Commands" className="overflow-y-auto p-2">
        {groups.map((group) => (
          <div key={group.name} role="group" aria-label={group.name}>
            <div aria-hidden className="px-2 pt-2 pb-1 text-xs font-medium text-muted">
              {group.name}
            </div>
            {group.commands.map((command) => (
              <div
                key={command.id}
                id={`${id}-${command.id}`}
                role="option"
                aria-selected={command === shown[current]}
                onPointerMove={() => setActive(shown.indexOf(command))}
                onClick={() => run(command)}
                className={cx('cursor-pointer truncate rounded-md px-2 py-2', command === shown[current] && 'bg-accent-soft')}
              >
                {command.title}
              </div>
            ))}
          </div>
        ))}
      </div>
      <p role="status" className={cx('px-4 text-muted', shown.length === 0 ? 'pb-5' : 'sr-only')}>
        {shown.length === 0 ? 'Nothing fits.' : `${shown.length} found`}
      </p>
    </>
  )
}

function grouped(commands: Command[]): { name: string; commands: Command[] }[] {
  const groups = new Map<string, Command[]>()
  for (const command of commands) {
    const name = command.group ?? 'Actions'
    groups.set(name, [...(groups.get(name) ?? []), command])
  }
  return [...groups].map(([name, list]) => ({ name, commands: list }))
}
