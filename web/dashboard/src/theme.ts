// The theme: light or dark as the system has it, unless the user chose one.
import { useSyncExternalStore } from 'react'
import { remembered, store, type Theme } from './remembered'

const dark = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()

let chosen = remembered()

function apply(): void {
  document.documentElement.dataset['theme'] = chosen === 'system' ? (dark.matches ? 'dark' : 'light') : chosen
  for (const listener of listeners) listener()
}

/** Sets the theme on <html> and follows the system's. Called once, before the first render. */
export function startTheme(): void {
  dark.addEventListener('change', apply)
  apply()
}

export function setTheme(theme: Theme): void {
  chosen = theme
  try {
    if (theme === 'system') localStorage.removeItem(store)
    else localStorage.setItem(store, theme)
  } catch {
    // It holds until the page is loaded again.
  }
  apply()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** What was chosen, and what it comes to now: for what draws on a canvas and cannot use CSS variables. */
export function useTheme(): { chosen: Theme; shown: 'light' | 'dark' } {
  const now = useSyncExternalStore(subscribe, () => chosen)
  const shown = useSyncExternalStore(subscribe, () => document.documentElement.dataset['theme'])
  return { chosen: now, shown: shown === 'dark' ? 'dark' : 'light' }
}
