/** A line of a comparison: in both, only in the old (`-`) or only in the new (`+`), with its number there. */
export type Line = { kind: ' ' | '-' | '+'; old?: number; new?: number; text: string }
/** `skipped` lines that are alike were left out before these. */
export type Hunk = { skipped: number; lines: Line[] }

/** Compares by lines, with a few of context around each change. Beyond `most` changed lines the whole middle counts as changed. */
export function diff(before: string, after: string, context = 3, most = 800): { hunks: Hunk[]; added: number; removed: number; tail: number } {
  const a = linesOf(before)
  const b = linesOf(after)
  const lines = compare(a, b, most)
  const near = new Set<number>()
  for (const [index, line] of lines.entries()) if (line.kind !== ' ') for (let i = index - context; i <= index + context; i++) near.add(i)
  const hunks: Hunk[] = []
  let skipped = 0
  for (const [index, line] of lines.entries()) {
    if (!near.has(index)) {
      skipped++
      continue
    }
    if (skipped > 0 || hunks.length === 0) hunks.push({ skipped, lines: [] })
    skipped = 0
    hunks.at(-1)!.lines.push(line)
  }
  const count = (kind: string) => lines.filter((line) => line.kind === kind).length
  return { hunks, added: count('+'), removed: count('-'), tail: skipped }
}

const linesOf = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

function compare(a: string[], b: string[], most: number): Line[] {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const same = (text: string, i: number, j: number): Line => ({ kind: ' ', old: i + 1, new: j + 1, text })
  return [
    ...a.slice(0, head).map((text, i) => same(text, i, i)),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head, most),
    ...a.slice(a.length - tail).map((text, i) => same(text, a.length - tail + i, b.length - tail + i)),
  ]
}

// Myers' shortest edit script, forward, with the trace kept to walk back.
function middle(a: string[], b: string[], offset: number, most: number): Line[] {
  const trace: Map<number, number>[] = []
  let v = new Map<number, number>([[1, 0]])
  const limit = Math.min(a.length + b.length, most)
  for (let d = 0; d <= limit; d++) {
    const next = new Map(v)
    trace.push(v)
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (v.get(k - 1) ?? -1) < (v.get(k + 1) ?? -1))
      let x = down ? (v.get(k + 1) ?? 0) : (v.get(k - 1) ?? 0) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      next.set(k, x)
      if (x >= a.length && x - k >= b.length) return back(a, b, trace, d, offset)
    }
    v = next
  }
  return [...a.map((text, i): Line => ({ kind: '-', old: offset + i + 1, text })), ...b.map((text, i): Line => ({ kind: '+', new: offset + i + 1, text }))]
}

function back(a: string[], b: string[], trace: Map<number, number>[], found: number, offset: number): Line[] {
  const lines: Line[] = []
  let x = a.length
  let y = b.length
  for (let d = found; d >= 0; d--) {
    const v = trace[d]!
    const k = x - y
    const down = k === -d || (k !== d && (v.get(k - 1) ?? -1) < (v.get(k + 1) ?? -1))
    const fromX = d === 0 ? 0 : down ? (v.get(k + 1) ?? 0) : (v.get(k - 1) ?? 0)
    const fromY = d === 0 ? 0 : fromX - (down ? k + 1 : k - 1)
    while (x > fromX && y > fromY && x > 0 && y > 0 && a[x - 1] === b[y - 1]) {
      lines.push({ kind: ' ', old: offset + x, new: offset + y, text: a[x - 1]! })
      x--
      y--
    }
    if (d === 0) break
    if (down) lines.push({ kind: '+', new: offset + y, text: b[y - 1]! })
    else lines.push({ kind: '-', old: offset + x, text: a[x - 1]! })
    x = fromX
    y = fromY
  }
  return lines.reverse()
}
