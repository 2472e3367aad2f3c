import { KeyRound } from 'lucide-react'
import { cx, RelativeTime } from '~/parts'
import { type Node, size } from './lineage'

const made = { key: 'from the key', challenge: 'by a challenge', login: 'by a login', issuer: 'by an outside issuer', renewed: 'renewed', narrowed: 'narrowed', exchanged: 'exchanged' } as const

export const madeHow = (origin: keyof typeof made): string => made[origin]

const most = 60

/** A line of passes from its key on; each opens. */
export function Tree({ of: top, from, current, onOpen }: { of: Node; from: string; current: string; onOpen: (id: string) => void }) {
  return (
    <div className="max-h-80 overflow-auto rounded-lg border border-line bg-sunken p-2" tabIndex={0} role="group" aria-label="Lineage">
      <p className="flex items-center gap-1.5 px-1.5 py-1 text-xs font-medium">
        <KeyRound aria-hidden className="size-3.5 shrink-0 text-muted" />
        <span className="truncate">{from}</span>
      </p>
      <ul>
        <Branch node={top} current={current} onOpen={onOpen} left={{ rows: most }} />
      </ul>
      {size(top) > most && <p className="px-1.5 py-1 text-xs text-muted">and {size(top) - most} more</p>}
    </div>
  )
}

type Rest = { current: string; onOpen: (id: string) => void; left: { rows: number } }

function Branch({ node, current, onOpen, left }: Rest & { node: Node }) {
  if (left.rows-- <= 0) return null
  const { id, pass } = node
  const here = id === current
  return (
    <li className="ml-2 border-l border-line-strong/60 pl-3">
      <button
        type="button"
        aria-current={here ? 'true' : undefined}
        onClick={() => onOpen(id)}
        className={cx('flex w-full min-w-56 flex-wrap items-center gap-x-2 gap-y-0.5 rounded-md px-1.5 py-1 text-left text-xs', here ? 'bg-accent-soft text-accent' : 'hover:bg-hover')}
      >
        <code className="font-mono" title={id}>
          …{id.slice(-8)}
        </code>
        {pass ? (
          <span className={here ? undefined : 'text-muted'}>
            {madeHow(pass.origin)} <RelativeTime time={pass.issued} />
          </span>
        ) : (
          <span className={here ? undefined : 'text-muted'}>has ended</span>
        )}
      </button>
      {node.children.length > 0 && (
        <ul>
          {node.children.map((child) => (
            <Branch key={child.id} node={child} current={current} onOpen={onOpen} left={left} />
          ))}
        </ul>
      )}
    </li>
  )
}
