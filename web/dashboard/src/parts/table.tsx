import { useVirtualizer } from '@tanstack/react-virtual'
import { type CSSProperties, type KeyboardEvent, memo, type ReactNode, useEffect, useRef, useState } from 'react'
import { cx } from './cx'
import { ErrorPanel } from './error-panel'
import { Skeleton } from './show'

export type Column<Row> = {
  id: string
  header: string
  cell: (row: Row) => ReactNode
  /** CSS width, as `9rem`; what is left is shared by the columns without one. */
  width?: string
  align?: 'right'
  /** Not on a phone. */
  wide?: boolean
}

const rowHeight = 44
const all = 60 // up to so many rows are simply all drawn

/**
 * A list of any length: draws only the rows in sight, loads pages as one scrolls, moves by
 * the arrow keys, Home, End, PageUp and PageDown, opens a row by Enter or a click.
 * Shows skeletons while loading, the error with a way to try again, and `empty` if nothing came.
 */
export function Table<Row>({ label, rows, columns, rowKey, onOpen, loading = false, stale = false, error, more = false, onMore, retry, empty, className }: {
  label: string
  rows: Row[]
  columns: Column<Row>[]
  rowKey: (row: Row) => string
  onOpen?: (row: Row) => void
  loading?: boolean
  stale?: boolean
  error?: Error | null
  more?: boolean
  onMore?: () => void
  retry?: () => void
  empty?: ReactNode
  className?: string
}) {
  const box = useRef<HTMLDivElement>(null)
  const [active, setActive] = useState(0)
  const wanted = useRef(false) // the focus moves to the active row once it is drawn
  const focused = useRef(false) // the focus is in a row, or was in one that is gone
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => rowHeight, overscan: 8 })
  const items = rows.length <= all ? rows.map((_, index) => ({ index, start: index * rowHeight, end: (index + 1) * rowHeight })) : virtual.getVirtualItems()
  const first = items[0]
  const last = items.at(-1)
  const near = more && last !== undefined && last.index >= rows.length - 20
  const current = Math.min(active, Math.max(rows.length - 1, 0))

  useEffect(() => {
    if (near && !error) onMore?.()
  }, [near, rows.length, error, onMore])

  useEffect(() => {
    if (focused.current && document.activeElement === document.body) wanted.current = true
    if (!wanted.current) return
    const row = box.current?.querySelector<HTMLElement>(`tr[data-index="${current}"]`)
    if (!row) return
    wanted.current = false
    row.focus()
  })

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const row = event.target as HTMLElement
    if (row.dataset['index'] === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Enter') {
      const opened = rows[Number(row.dataset['index'])]
      if (opened && onOpen) onOpen(opened)
      return
    }
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / rowHeight) - 2)
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const next = Math.max(0, Math.min(rows.length - 1, current + step))
    wanted.current = true
    setActive(next)
    virtual.scrollToIndex(next)
  }

  if (error && rows.length === 0) return <ErrorPanel error={error} {...(retry && { retry })} />
  if (!loading && rows.length === 0) return <>{empty ?? <p className="rounded-lg border border-line p-6 text-center text-muted">Nothing here.</p>}</>
  return (
    <div className={cx('overflow-hidden rounded-lg border border-line bg-surface', className)}>
      <div ref={box} className="max-h-[min(70dvh,48rem)] overflow-auto">
        <table aria-label={label} aria-rowcount={more ? -1 : rows.length + 1} aria-busy={loading || stale} style={{ '--least-phone': least(columns.filter((column) => !column.wide)), '--least': least(columns) } as CSSProperties} className="w-full min-w-(--least-phone) table-fixed border-separate border-spacing-0 md:min-w-(--least)">
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.id} scope="col" style={{ width: column.width }} className={cx(cellClass(column), 'sticky top-0 z-10 h-9 border-b border-line bg-surface text-left text-xs font-medium text-muted')}>
                  {column.header}
                </th>
              ))}
            </tr>
          </thead>
          <tbody onKeyDown={onKeyDown} onFocus={() => (focused.current = true)} onBlur={(event) => (focused.current = !event.target.isConnected)}>
            {loading &&
              Array.from({ length: 8 }, (_, index) => (
                <tr key={index} style={{ height: rowHeight }}>
                  {columns.map((column) => (
                    <td key={column.id} className={cx(cellClass(column), 'border-b border-line')}>
                      <Skeleton className="h-4 w-3/4" />
                    </td>
                  ))}
                </tr>
              ))}
            {first && first.start > 0 && <Gap height={first.start} columns={columns.length} />}
            {items.map(({ index }) => {
              const row = rows[index]
              if (row === undefined) return null
              return <Line key={rowKey(row)} row={row} index={index} current={index === current} columns={columns} onOpen={onOpen} onActive={setActive} />
            })}
            {last && rows.length > all && virtual.getTotalSize() > last.end && <Gap height={virtual.getTotalSize() - last.end} columns={columns.length} />}
          </tbody>
        </table>
        {error && rows.length > 0 && (
          <div className="p-3">
            <ErrorPanel error={error} {...(onMore && { retry: onMore })} />
          </div>
        )}
      </div>
    </div>
  )
}

const cellClass = <Row,>(column: Column<Row>) => cx('truncate px-3 first:pl-4 last:pr-4', column.align === 'right' && 'text-right', column.wide && 'hidden md:table-cell')

/** A row; while one scrolls, those that stay are not drawn again. */
const Line = memo(function Line<Row>({ row, index, current, columns, onOpen, onActive }: {
  row: Row
  index: number
  current: boolean
  columns: Column<Row>[]
  onOpen: ((row: Row) => void) | undefined
  onActive: (index: number) => void
}) {
  return (
    <tr
      data-index={index}
      aria-rowindex={index + 2}
      tabIndex={current ? 0 : -1}
      style={{ height: rowHeight }}
      onFocus={() => onActive(index)}
      onClick={(event) => {
        if (onOpen && !(event.target as HTMLElement).closest('a, button, input, label, [role=menu]')) onOpen(row)
      }}
      className={cx('group hover:bg-hover/60 focus-visible:-outline-offset-2', onOpen && 'cursor-pointer')}
    >
      {columns.map((column) => (
        <td key={column.id} className={cx(cellClass(column), 'border-b border-line group-last:border-b-0')}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  )
}) as <Row>(props: { row: Row; index: number; current: boolean; columns: Column<Row>[]; onOpen: ((row: Row) => void) | undefined; onActive: (index: number) => void }) => ReactNode

/** Width below which the table scrolls instead of hiding a column that shares what is left. */
function least(columns: { width?: string }[]): string {
  return `calc(${columns.map((column) => column.width ?? '9rem').join(' + ')})`
}

function Gap({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  )
}
