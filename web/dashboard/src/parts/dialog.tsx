import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { type ReactNode, type RefObject, useId, useState } from 'react'
import { Button } from './button'
import { cx } from './cx'
import { ErrorPanel } from './error-panel'
import { Field, Input } from './field'

type Frame = {
  open: boolean
  onClose: () => void
  title: ReactNode
  description?: ReactNode
  /** The buttons, the main one last. */
  footer?: ReactNode
  /** Neither Escape nor a click beside closes it, and it has no ×: only its footer does. */
  locked?: boolean
  /** What gets the focus at first. */
  initialFocus?: RefObject<HTMLElement | null>
  children?: ReactNode
}

function Window({ open, onClose, title, description, footer, locked, initialFocus, children, shape }: Frame & { shape: string }) {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && !locked && onClose()} disablePointerDismissal={locked ?? false}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-shade transition-opacity duration-150 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Base.Popup {...(initialFocus && { initialFocus })} className={cx('fixed z-40 flex flex-col border-line bg-surface shadow-2xl transition duration-150', shape)}>
          <header className="flex items-start gap-3 px-5 pt-4 pb-3">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-base font-semibold text-balance">{title}</Base.Title>
              {description && <Base.Description className="mt-1 text-muted">{description}</Base.Description>}
            </div>
            {!locked && (
              <Base.Close aria-label="Close" className="-mt-1 -mr-2 rounded-md p-2 text-muted hover:bg-hover hover:text-text">
                <X aria-hidden className="size-4" />
              </Base.Close>
            )}
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto px-5 pt-1 pb-5">{children}</div>
          {footer && <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">{footer}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

/** A window over the page. */
export function Dialog({ size = 'medium', ...frame }: Frame & { size?: 'medium' | 'large' }) {
  return (
    <Window
      {...frame}
      shape={cx(
        'top-1/2 left-1/2 max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 rounded-xl border',
        'data-ending-style:scale-98 data-ending-style:opacity-0 data-starting-style:scale-98 data-starting-style:opacity-0',
        size === 'large' ? 'max-w-3xl' : 'max-w-lg',
      )}
    />
  )
}

/** A window at the right edge (`side="left"` for the other): details of a row, long forms. Full width on a phone. */
export function Sheet({ side = 'right', ...frame }: Frame & { side?: 'left' | 'right' }) {
  return (
    <Window
      {...frame}
      shape={cx(
        'inset-y-0 w-full',
        side === 'right' && 'right-0 max-w-xl border-l data-ending-style:translate-x-full data-starting-style:translate-x-full',
        side === 'left' && 'left-0 max-w-[min(20rem,85vw)] border-r data-ending-style:-translate-x-full data-starting-style:-translate-x-full',
      )}
    />
  )
}

/** Asks before something that cannot be undone. With `word` it has to be typed first. `onConfirm` may take its time and may throw. */
export function ConfirmDialog({ open, onClose, title, children, word, action, onConfirm, tone = 'danger' }: { open: boolean; onClose: () => void; title: ReactNode; children?: ReactNode; word?: string; action: string; onConfirm: () => Promise<unknown> | void; tone?: 'danger' | 'primary' }) {
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const form = useId()
  const ready = !word || typed.trim() === word

  const close = () => {
    setTyped('')
    setError(undefined)
    onClose()
  }
  const confirm = async () => {
    if (!ready || busy) return
    setBusy(true)
    try {
      await onConfirm()
      close()
    } catch (reason) {
      setError(reason)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog
      open={open}
      onClose={close}
      title={title}
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" form={form} tone={tone} busy={busy} disabled={!ready}>
            {action}
          </Button>
        </>
      }
    >
      <form
        id={form}
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          void confirm()
        }}
      >
        {children}
        {word && (
          <Field
            label={
              <>
                Type <code className="rounded bg-sunken px-1 font-mono">{word}</code> to confirm
              </>
            }
          >
            <Input mono value={typed} onChange={(event) => setTyped(event.target.value)} />
          </Field>
        )}
        {error !== undefined && <ErrorPanel error={error} />}
      </form>
    </Dialog>
  )
}
