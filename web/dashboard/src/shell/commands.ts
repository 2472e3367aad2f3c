import { useEffect, useSyncExternalStore } from 'react'

/** Something the palette (⌘K) offers. */
export type Command = {
  /** Unique among all, as `keys.create`. */
  id: string
  title: string
  /** Other words by which one may look for it. */
  keywords?: string
  /** Heading it stands under; "Actions" unless given. */
  group?: string
  run: () => void
}

const registered = new Map<symbol, readonly Command[]>()
const listeners = new Set<() => void>()
let list: readonly Command[] = []

function changed(): void {
  list = [...registered.values()].flat()
  for (const listener of listeners) listener()
}

/** Adds commands; the function that comes back takes them away. */
export function addCommands(commands: readonly Command[]): () => void {
  const owner = Symbol()
  registered.set(owner, commands)
  changed()
  return () => {
    registered.delete(owner)
    changed()
  }
}

/** Offers commands in the palette while the calling component is there. `deps` as of useEffect. */
export function useCommands(commands: readonly Command[], deps: readonly unknown[] = []): void {
  // The commands are new objects at each render; deps say when they mean something else.
  useEffect(() => addCommands(commands), deps)
}

/** All there are now. */
export const registeredCommands = (): readonly Command[] => list

export function useRegistered(): readonly Command[] {
  return useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, registeredCommands)
}

/**
 * The commands that fit what was typed, the best first; all words must be found. The
 * beginning of the title is better than the beginning of a word, that than the middle of one.
 */
export function search(commands: readonly Command[], typed: string): Command[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return [...commands]
  return commands
    .map((command) => ({ command, score: words.reduce((sum, word) => sum + fit(command, word), 0) }))
    .filter(({ score }) => score < Infinity)
    .sort((a, b) => a.score - b.score)
    .map(({ command }) => command)
}

function fit(command: Command, word: string): number {
  const title = command.title.toLowerCase()
  if (title.startsWith(word)) return 0
  if (title.includes(` ${word}`)) return 1
  if (title.includes(word)) return 2
  const others = ` ${command.keywords ?? ''} ${command.group ?? ''}`.toLowerCase()
  if (others.includes(` ${word}`)) return 3
  if (others.includes(word)) return 4
  return Infinity
}
