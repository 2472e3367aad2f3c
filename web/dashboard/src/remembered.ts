export type Theme = 'system' | 'light' | 'dark'

export const store = 'daypass.theme'

/** The theme that the user chose. */
export function remembered(): Theme {
  try {
    const value = localStorage.getItem(store)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system' // storage may be forbidden
  }
}
