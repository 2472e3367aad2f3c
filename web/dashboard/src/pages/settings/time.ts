/** Seconds of "15m", "8h", "30d" or "90"; undefined where it is none of these. */
export function seconds(text: string): number | undefined {
  const found = /^(\d+)\s*(s|m|h|d)?$/.exec(text.trim())
  if (!found) return undefined
  return Number(found[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[found[2] ?? 's']!
}

/** The shortest way to write so many seconds. */
export function written(value: number): string {
  for (const [unit, size] of [['d', 86_400], ['h', 3600], ['m', 60]] as const) if (value > 0 && value % size === 0) return `${value / size}${unit}`
  return `${value}s`
}

/** Items as they are typed: apart by blanks, commas or lines. */
export function words(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))]
}
