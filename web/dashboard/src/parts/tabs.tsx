import { Tabs as Base } from '@base-ui/react/tabs'
import { type ReactNode, useEffect, useRef } from 'react'

export type Tab = { id: string; label: ReactNode; content: ReactNode }

/** Panels of which one shows. Uncontrolled unless `value` is given. `label` names the row of tabs. */
export function Tabs({ label, tabs, value, onChange, className }: { label: string; tabs: Tab[]; value?: string; onChange?: (id: string) => void; className?: string }) {
  const control = value === undefined ? { defaultValue: tabs[0]?.id } : { value }
  const row = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // On a phone the row may be longer than the screen: the tab that shows is brought into sight.
    const tab = row.current?.querySelector<HTMLElement>('[data-active]')
    if (row.current && tab) row.current.scrollLeft = tab.offsetLeft - (row.current.clientWidth - tab.offsetWidth) / 2
  }, [value, tabs.length])
  return (
    <Base.Root {...control} onValueChange={(id) => onChange?.(String(id))} className={className}>
      <Base.List ref={row} aria-label={label} className="relative flex gap-1 overflow-x-auto overflow-y-hidden border-b border-line [scrollbar-width:none]">
        {tabs.map((tab) => (
          <Base.Tab
            key={tab.id}
            value={tab.id}
            className="-mb-px shrink-0 rounded-t-md border-b-2 border-transparent px-3 py-2 text-muted hover:text-text focus-visible:-outline-offset-2 data-active:border-accent data-active:font-medium data-active:text-text"
          >
            {tab.label}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map((tab) => (
        <Base.Panel key={tab.id} value={tab.id} className="pt-4 outline-offset-4">
          {tab.content}
        </Base.Panel>
      ))}
    </Base.Root>
  )
}
