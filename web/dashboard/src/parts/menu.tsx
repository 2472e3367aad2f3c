import { Menu as Base } from '@base-ui/react/menu'
import { Check, type LucideIcon } from 'lucide-react'
import { cloneElement, Fragment, type KeyboardEvent, type ReactElement, useState } from 'react'
import { cx } from './cx'

export type MenuItem = { label: string; icon?: LucideIcon; onSelect: () => void; danger?: boolean; disabled?: boolean; checked?: boolean } | 'line'

type Menu = { trigger: ReactElement<Record<string, unknown>>; items: MenuItem[]; align?: 'start' | 'end' }

/**
 * What a button opens: `<Menu trigger={<IconButton …/>} items={[…]} />`. Needs no wrapper for keys. There is no menu until
 * somebody wants it: most rows of a long list never get one.
 */
export function Menu(menu: Menu) {
  const [wanted, setWanted] = useState(false)
  if (wanted) return <Opened {...menu} />
  return cloneElement(menu.trigger, {
    'aria-haspopup': 'menu',
    'aria-expanded': false,
    onClick: () => setWanted(true),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
      event.preventDefault()
      setWanted(true)
    },
  })
}

function Opened({ trigger, items, align = 'end' }: Menu) {
  return (
    <Base.Root defaultOpen>
      <Base.Trigger render={trigger} />
      <Base.Portal render={<section aria-label="Menu" />}>
        <Base.Positioner sideOffset={4} align={align} className="z-50">
          <Base.Popup className="max-h-(--available-height) min-w-44 overflow-y-auto rounded-lg border border-line bg-surface p-1 shadow-lg outline-none">
            {items.map((item, index) => (
              <Fragment key={item === 'line' ? index : item.label}>{item === 'line' ? <Base.Separator className="my-1 h-px bg-line" /> : <Entry {...item} />}</Fragment>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

function Entry({ label, icon: Icon, onSelect, danger, disabled, checked }: Exclude<MenuItem, 'line'>) {
  return (
    <Base.Item
      onClick={onSelect}
      disabled={disabled ?? false}
      className={cx(
        'flex cursor-pointer items-center gap-2 rounded-md px-2.5 py-1.5 -outline-offset-2 select-none data-disabled:cursor-not-allowed data-disabled:opacity-55 data-highlighted:bg-hover',
        danger && 'text-bad',
      )}
    >
      {Icon && <Icon aria-hidden className="size-4 shrink-0" />}
      <span className="min-w-0 flex-1 truncate">{label}</span>
      {checked && <Check aria-label="chosen" className="size-4 shrink-0 text-accent" />}
    </Base.Item>
  )
}
