import { Toast as Base } from '@base-ui/react/toast'
import { CircleAlert, CircleCheck, X } from 'lucide-react'
import { Problem } from '~/session/problem'
import { cx } from './cx'

const manager = Base.createToastManager()

/** Tells what happened, for a few seconds: `toast.done('Key deleted')`, `toast.fail(error)`. Callable from anywhere. */
export const toast = {
  done: (title: string, detail?: string) => void manager.add({ title, description: detail, type: 'done', timeout: 5000 }),
  fail: (error: unknown) => {
    const problem = Problem.of(error)
    manager.add({ title: problem.title, description: problem.detail, type: 'fail', timeout: 12_000, priority: 'high' })
  },
}

/** Where toasts appear: above, for the buttons of pages, sheets and dialogs are below. Once, around the whole dashboard. */
export function Toaster() {
  return (
    <Base.Provider toastManager={manager} limit={4}>
      <Base.Portal>
        <Base.Viewport className="fixed inset-x-4 top-16 z-50 mx-auto flex flex-col gap-2 sm:top-4 sm:w-96">
          <Shown />
        </Base.Viewport>
      </Base.Portal>
    </Base.Provider>
  )
}

function Shown() {
  const { toasts } = Base.useToastManager()
  return toasts.map((item) => (
    <Base.Root
      key={item.id}
      toast={item}
      className="rounded-lg border border-line bg-surface shadow-lg transition data-ending-style:opacity-0 data-limited:hidden data-starting-style:-translate-y-2 data-starting-style:opacity-0"
    >
      <Base.Content className="flex items-start gap-3 p-3">
        {item.type === 'fail' ? <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" /> : <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />}
        <div className="min-w-0 flex-1">
          <Base.Title className={cx('font-medium', item.type === 'fail' && 'text-bad')} />
          <Base.Description className="break-words text-muted" />
        </div>
        <Base.Close aria-label="Dismiss" className="rounded p-1 text-muted hover:bg-hover hover:text-text">
          <X aria-hidden className="size-4" />
        </Base.Close>
      </Base.Content>
    </Base.Root>
  ))
}
