import type { LucideIcon } from 'lucide-react'
import { LoaderCircle } from 'lucide-react'
import type { ComponentProps } from 'react'
import { cx } from './cx'
import { Tooltip } from './tooltip'

type Look = { tone?: 'plain' | 'primary' | 'danger' | 'ghost'; size?: 'small' | 'medium' }

/** The classes of a Button, for what is a link: `<Link className={buttonClass()}>`. */
export function buttonClass({ tone = 'plain', size = 'medium' }: Look = {}): string {
  return cx(
    'inline-flex max-w-full shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none max-sm:whitespace-normal',
    'transition-colors disabled:cursor-not-allowed disabled:opacity-55 aria-disabled:cursor-not-allowed',
    size === 'small' ? 'min-h-7 px-2.5 text-xs' : 'min-h-9 px-3.5 py-1 text-sm',
    tone === 'plain' && 'border-line-strong/60 bg-surface text-text hover:bg-hover',
    tone === 'primary' && 'border-transparent bg-accent text-on-accent hover:bg-accent-hover',
    tone === 'danger' && 'border-transparent bg-bad text-on-bad hover:bg-bad-hover',
    tone === 'ghost' && 'border-transparent text-text hover:bg-hover',
  )
}

/** A button with words. `busy` shows that its work is under way and takes no second click. */
export function Button({ tone, size, busy, icon: Icon, className, children, ...rest }: ComponentProps<'button'> & Look & { busy?: boolean; icon?: LucideIcon }) {
  const Shown = busy ? LoaderCircle : Icon
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : rest.onClick}
      className={cx(buttonClass({ ...(tone && { tone }), ...(size && { size }) }), className)}
    >
      {Shown && <Shown aria-hidden className={cx('size-4 shrink-0', busy && 'animate-spin')} />}
      {children}
    </button>
  )
}

/** A button of one icon. `label` is its name, and its tooltip. */
export function IconButton({ label, icon: Icon, size, className, ...rest }: Omit<ComponentProps<'button'>, 'children'> & { label: string; icon: LucideIcon; size?: 'small' | 'medium' }) {
  return (
    <Tooltip text={label}>
      <button
        type="button"
        aria-label={label}
        {...rest}
        className={cx(
          'inline-flex shrink-0 items-center justify-center rounded-md text-muted transition-colors hover:bg-hover hover:text-text disabled:cursor-not-allowed disabled:opacity-55',
          size === 'small' ? 'size-7' : 'size-9',
          className,
        )}
      >
        <Icon aria-hidden className="size-4" />
      </button>
    </Tooltip>
  )
}
