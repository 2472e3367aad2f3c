import { Checkbox as BaseCheckbox } from '@base-ui/react/checkbox'
import { Switch as BaseSwitch } from '@base-ui/react/switch'
import { Check, ChevronDown, Search, X } from 'lucide-react'
import { type ComponentProps, createContext, type ReactNode, useContext, useEffect, useId, useRef } from 'react'
import { cx } from './cx'

type Wiring = { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true; required?: true }
const FieldContext = createContext<Wiring | undefined>(undefined)

/** A label, a control (Input, Select, Textarea) and what is to be said about it: a hint, and an error in its place. */
export function Field({ label, hint, error, required, className, children }: { label: ReactNode; hint?: ReactNode; error?: ReactNode; required?: boolean; className?: string; children: ReactNode }) {
  const id = useId()
  const note = error ?? hint
  const wiring: Wiring = { id }
  if (note) wiring['aria-describedby'] = `${id}-note`
  if (error) wiring['aria-invalid'] = true
  if (required) wiring.required = true
  return (
    <div className={cx('flex flex-col gap-1', className)}>
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <FieldContext value={wiring}>{children}</FieldContext>
      {note && (
        <p id={`${id}-note`} className={cx('text-xs', error ? 'text-bad' : 'text-muted')}>
          {error ? `Error: ` : ''}
          {note}
        </p>
      )}
    </div>
  )
}

const box = 'w-full rounded-md border border-line-strong bg-surface text-text aria-invalid:border-bad disabled:bg-sunken disabled:text-muted'

/** One line of text. `mono` for keys, scopes and addresses. */
export function Input({ mono, className, ...rest }: ComponentProps<'input'> & { mono?: boolean }) {
  return <input {...useContext(FieldContext)} autoComplete="off" spellCheck={!mono} {...rest} className={cx(box, 'h-9 px-3', mono && 'font-mono text-[0.8125rem]', className)} />
}

/** Several lines of text. */
export function Textarea({ mono, className, ...rest }: ComponentProps<'textarea'> & { mono?: boolean }) {
  return <textarea rows={4} {...useContext(FieldContext)} spellCheck={!mono} {...rest} className={cx(box, 'px-3 py-2', mono && 'font-mono text-[0.8125rem]', className)} />
}

/** One of a few: the browser's own select, with <option> children. */
export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <span className={cx('relative inline-flex', className ?? 'w-full')}>
      <select {...useContext(FieldContext)} {...rest} className={cx(box, 'h-9 appearance-none truncate pr-8 pl-3')}>
        {children}
      </select>
      <ChevronDown aria-hidden className="pointer-events-none absolute top-2.5 right-2.5 size-4 text-muted" />
    </span>
  )
}

type Toggle = { label: ReactNode; hint?: ReactNode; checked: boolean; onChange: (checked: boolean) => void; disabled?: boolean; className?: string }

/** Yes or no, as part of a form. Brings its own label. */
export function Checkbox({ label, hint, checked, onChange, disabled = false, className, indeterminate = false }: Toggle & { indeterminate?: boolean }) {
  const id = useId()
  return (
    <div className={cx('flex items-start gap-2.5', className)}>
      <BaseCheckbox.Root
        aria-labelledby={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        checked={checked}
        indeterminate={indeterminate}
        onCheckedChange={onChange}
        disabled={disabled}
        className="mt-0.5 flex size-4 shrink-0 items-center justify-center rounded border border-line-strong bg-surface data-checked:border-accent data-checked:bg-accent data-disabled:opacity-55 data-indeterminate:border-accent data-indeterminate:bg-accent"
      >
        <BaseCheckbox.Indicator className="text-on-accent">
          {indeterminate ? <span className="block h-0.5 w-2 bg-on-accent" /> : <Check aria-hidden className="size-3.5" strokeWidth={3} />}
        </BaseCheckbox.Indicator>
      </BaseCheckbox.Root>
      <ToggleText id={id} label={label} hint={hint} onPress={() => !disabled && onChange(!checked)} />
    </div>
  )
}

/** On or off, at once. Brings its own label. */
export function Switch({ label, hint, checked, onChange, disabled = false, className }: Toggle) {
  const id = useId()
  return (
    <div className={cx('flex items-start gap-2.5', className)}>
      <BaseSwitch.Root
        aria-labelledby={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        checked={checked}
        onCheckedChange={onChange}
        disabled={disabled}
        className="relative h-5 w-9 shrink-0 rounded-full bg-line-strong transition-colors data-checked:bg-accent data-disabled:opacity-55"
      >
        <BaseSwitch.Thumb className="block size-4 translate-x-0.5 rounded-full bg-surface transition-transform data-checked:translate-x-4.5" />
      </BaseSwitch.Root>
      <ToggleText id={id} label={label} hint={hint} onPress={() => !disabled && onChange(!checked)} />
    </div>
  )
}

// The control has the label by aria-labelledby; a click on the words is for the pointer only.
function ToggleText({ id, label, hint, onPress }: { id: string; label: ReactNode; hint?: ReactNode; onPress: () => void }) {
  return (
    <span>
      <span id={id} onClick={onPress} className="cursor-pointer select-none">
        {label}
      </span>
      {hint && (
        <span id={`${id}-hint`} className="block text-xs text-muted">
          {hint}
        </span>
      )}
    </span>
  )
}

/** Searches what is on the page. The key "/" goes to it; Escape empties it. */
export function SearchBox({ label, value, onChange, className }: { label: string; value: string; onChange: (value: string) => void; className?: string }) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (event.key !== '/' || event.ctrlKey || event.metaKey || target.closest('input, textarea, select, [contenteditable], [role=dialog]')) return
      event.preventDefault()
      input.current?.focus()
    }
    document.addEventListener('keydown', focus)
    return () => document.removeEventListener('keydown', focus)
  }, [])
  return (
    <span className={cx('relative inline-flex', className ?? 'w-full sm:w-72')}>
      <Search aria-hidden className="pointer-events-none absolute top-2.5 left-2.5 size-4 text-muted" />
      <input
        ref={input}
        type="text"
        role="searchbox"
        aria-label={label}
        placeholder={label}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && onChange('')}
        className={cx(box, 'h-9 pr-8 pl-8')}
      />
      {value ? (
        <button type="button" aria-label="Clear the search" onClick={() => (onChange(''), input.current?.focus())} className="absolute top-1.5 right-1.5 rounded p-1 text-muted hover:text-text">
          <X aria-hidden className="size-4" />
        </button>
      ) : (
        <kbd aria-hidden className="pointer-events-none absolute top-2 right-2 rounded border border-line px-1.5 text-xs text-muted">
          /
        </kbd>
      )}
    </span>
  )
}
