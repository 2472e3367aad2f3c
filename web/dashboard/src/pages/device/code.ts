/** A code as people type it, in the form in which the terminal shows it: `wdjb mjht` is `WDJB-MJHT`. */
export function plainCode(typed: string): string {
  const symbols = typed.toUpperCase().replace(/[^0-9A-Z]/g, '')
  return symbols.length === 8 ? `${symbols.slice(0, 4)}-${symbols.slice(4)}` : symbols
}

/** Scopes separated by blanks, commas or lines; each once. */
export function scopesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))]
}
