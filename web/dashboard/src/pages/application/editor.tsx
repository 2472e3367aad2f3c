import { type KeyboardEvent, type Ref, useEffect, useImperativeHandle, useRef, useState } from 'react'
import { cx } from '~/parts'
import type { Mark } from './marks'

const lineHeight = 20 // of leading-5
const padding = 8
const overscan = 20

export type EditorHandle = { goTo: (line: number, column?: number) => void }

/**
 * A text area with line numbers, colours and marked lines. What lies under the text draws only the lines in sight,
 * so a file of any length may be typed in. Tab leaves it, as everywhere.
 */
export function Editor({ ref, label, value, onChange, marks, onSave, invalid, describedBy }: {
  ref?: Ref<EditorHandle>
  label: string
  value: string
  onChange: (value: string) => void
  marks: readonly Mark[]
  onSave?: () => void
  invalid?: boolean
  describedBy?: string
}) {
  const area = useRef<HTMLTextAreaElement>(null)
  const [view, setView] = useState({ top: 0, left: 0, height: 600 })
  const lines = value.split('\n')
  const digits = Math.max(2, String(lines.length).length)
  const gutter = `calc(${digits}ch + 1.75rem)`
  const from = Math.max(0, Math.floor((view.top - padding) / lineHeight) - overscan)
  const to = Math.min(lines.length, from + Math.ceil(view.height / lineHeight) + 2 * overscan)
  const wrong = new Map(marks.map((mark) => [mark.line, mark.message]))
  const shift = { transform: `translate(0, ${padding + from * lineHeight - view.top}px)` }

  useEffect(() => {
    const box = area.current
    if (!box) return
    const watch = new ResizeObserver(() => setView((old) => ({ ...old, height: box.clientHeight })))
    watch.observe(box)
    return () => watch.disconnect()
  }, [])

  useImperativeHandle(ref, () => ({
    goTo(line, column = 1) {
      const box = area.current
      if (!box) return
      const all = box.value.split('\n')
      const at = all.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + Math.min(column - 1, all[line - 1]?.length ?? 0)
      box.focus()
      box.setSelectionRange(at, at)
      box.scrollTop = Math.max(0, (line - 1) * lineHeight - box.clientHeight / 3)
      box.scrollLeft = 0
    },
  }))

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if ((event.metaKey || event.ctrlKey) && event.key === 's') {
      event.preventDefault()
      onSave?.()
      return
    }
    if (event.key !== 'Enter' || event.shiftKey || event.metaKey || event.ctrlKey || event.altKey || event.nativeEvent.isComposing) return
    // The next line is indented like this one; one that ends with a colon opens something deeper.
    const box = event.currentTarget
    const line = box.value.slice(box.value.lastIndexOf('\n', box.selectionStart - 1) + 1, box.selectionStart)
    const indent = /^[ ]*(- )?/.exec(line)![0].replace('-', ' ') + (/:\s*$/.test(line) ? '  ' : '')
    event.preventDefault()
    // insertText keeps the browser's undo.
    if (!document.execCommand('insertText', false, `\n${indent}`)) box.setRangeText(`\n${indent}`, box.selectionStart, box.selectionEnd, 'end')
  }

  return (
    <div className={cx('relative h-[min(54dvh,44rem)] min-h-72 overflow-hidden rounded-lg border bg-surface font-mono text-[0.8125rem] leading-5', invalid ? 'border-bad' : 'border-line-strong', 'has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent')}>
      <div aria-hidden className="absolute inset-0 overflow-hidden">
        <div style={{ ...shift, paddingLeft: gutter }} className="absolute inset-x-0 top-0">
          {lines.slice(from, to).map((text, index) => (
            <div key={from + index} className={cx('h-5', wrong.has(from + index + 1) && 'bg-bad-soft')}>
              <div style={{ transform: `translate(${-view.left}px, 0)` }} className="whitespace-pre pl-3">
                <Coloured text={text} />
              </div>
            </div>
          ))}
        </div>
      </div>
      <textarea
        ref={area}
        aria-label={label}
        aria-invalid={invalid || undefined}
        aria-describedby={describedBy}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
        onScroll={(event) => setView({ top: event.currentTarget.scrollTop, left: event.currentTarget.scrollLeft, height: event.currentTarget.clientHeight })}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        wrap="off"
        style={{ paddingLeft: `calc(${gutter} + 0.75rem)`, paddingTop: padding, paddingBottom: padding, WebkitTextFillColor: 'transparent' }}
        className="absolute inset-0 size-full resize-none overflow-auto bg-transparent pr-3 whitespace-pre text-text caret-text outline-none selection:bg-accent/25"
      />
      <div aria-hidden style={{ width: gutter }} className="pointer-events-none absolute inset-y-0 left-0 overflow-hidden border-r border-line bg-sunken text-right text-muted select-none">
        <div style={shift} className="absolute inset-x-0 top-0">
          {lines.slice(from, to).map((_, index) => {
            const number = from + index + 1
            return (
              <div key={number} className={cx('h-5 pr-2', wrong.has(number) && 'bg-bad-soft font-semibold text-bad')}>
                {wrong.has(number) ? '! ' : ''}
                {number}
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}

// Comment, key of a member, text in quotes; what is between stays as it is.
const token = /(#.*$)|((?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w$.-]+)(?=\s*:(?:\s|$)))|("(?:[^"\\]|\\.)*"|'[^']*')/g

/** The expression may take the square of a line's length, so what is longer than anybody reads stays plain. */
const longestLine = 2000

function Coloured({ text }: { text: string }) {
  if (text.length > longestLine) return text
  const parts: React.ReactNode[] = []
  let end = 0
  for (const found of text.matchAll(token)) {
    // Only after white space does # begin a comment.
    if (found[1] && found.index > 0 && !/\s/.test(text[found.index - 1]!)) continue
    parts.push(text.slice(end, found.index))
    parts.push(
      <span key={found.index} className={found[1] ? 'text-muted italic' : found[2] ? 'text-accent' : 'text-info'}>
        {found[0]}
      </span>,
    )
    end = found.index + found[0].length
  }
  parts.push(text.slice(end))
  return parts
}
