// The language of scopes, as docs/scopes.md has it: what a form says while one types.
// The server decides again.

const segment = /^[A-Za-z0-9_.*-]+$/

/** What is wrong with a scope, or nothing. */
export function scopeError(text: string): string | undefined {
  if (text.length > 256) return `“${text.slice(0, 24)}…” is longer than 256 characters`
  if (text.split(':').some((part) => part === '')) return `“${text}”: something must stand before, between and after “:”`
  if (!text.split(':').every((part) => segment.test(part))) return `“${text}”: only letters, digits, “_”, “.”, “-”, “*” and “:”`
  return undefined
}

/** The scopes of a text that was typed, each once; blanks, commas and new lines separate them. */
export function scopesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))]
}

/**
 * Whether a pattern covers what is asked, which may itself be a pattern: its “*” is met by a
 * wildcard alone, so this is inclusion of one in the other.
 */
export function covers(pattern: string, asked: string): boolean {
  const first = pattern.indexOf('*')
  if (first < 0) return pattern === asked
  const last = pattern.lastIndexOf('*')
  const [prefix, suffix] = [pattern.slice(0, first), pattern.slice(last + 1)]
  if (asked.length < prefix.length + suffix.length || !asked.startsWith(prefix) || !asked.endsWith(suffix)) return false
  const middle = asked.slice(prefix.length, asked.length - suffix.length)
  let at = 0
  for (const piece of pattern.slice(first + 1, Math.max(last, first + 1)).split('*')) {
    const found = middle.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return true
}

/** Whether one of the held patterns covers what is asked. */
export function holds(held: readonly string[], asked: string): boolean {
  return held.some((pattern) => covers(pattern, asked))
}
