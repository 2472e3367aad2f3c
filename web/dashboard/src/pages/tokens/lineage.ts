import type { Schemas } from '~/session'

export type Pass = Schemas['Token']

/** A pass and what was made from it. Without `pass` it has ended: others tell that there was one. */
export type Node = { id: string; pass?: Pass; children: Node[] }

/** The pass whose revocation ends this one and its renewals. */
export const headOf = (pass: Pass): string => pass.families.at(-1) ?? pass.id

/** The other passes that end when this one is revoked. */
export function endsWith(pass: Pass, passes: readonly Pass[]): Pass[] {
  return passes.filter((other) => other.id !== pass.id && other.families.includes(headOf(pass)))
}

/**
 * The passes as they were made from each other, the first ones at the top, the oldest first.
 * What is gone between two that are there is put in where their families tell of it.
 */
export function lineage(passes: readonly Pass[]): Node[] {
  const oldest = [...passes].sort((a, b) => Date.parse(a.issued) - Date.parse(b.issued))
  const nodes = new Map<string, Node>(oldest.map((pass) => [pass.id, { id: pass.id, pass, children: [] }]))
  const tops: Node[] = []
  // families are those of the pass above: its own family's first is the last of them.
  const hang = (node: Node, above: string | undefined, families: readonly string[]) => {
    if (above === undefined) {
      tops.push(node)
      return
    }
    let parent = nodes.get(above)
    if (!parent) {
      parent = { id: above, children: [] }
      nodes.set(above, parent)
      const head = families.at(-1)
      if (head === above) hang(parent, families.at(-2), families.slice(0, -1))
      else hang(parent, head, families)
    }
    parent.children.push(node)
  }
  for (const pass of oldest) {
    const above = pass.origin === 'renewed' ? pass.families : pass.families.slice(0, -1)
    // Where somebody acts for another, the families of both stand here: only the nearest is surely its own.
    hang(nodes.get(pass.id)!, pass.parent, pass.actors?.length ? above.slice(-1) : above)
  }
  return tops
}

const within = (node: Node, id: string): boolean => node.id === id || node.children.some((child) => within(child, id))

/** The line that the pass stands in, from its first pass on. */
export function lineOf(id: string, passes: readonly Pass[]): Node | undefined {
  return lineage(passes).find((top) => within(top, id))
}

/** How many passes a tree shows. */
export const size = (node: Node): number => 1 + node.children.reduce((sum, child) => sum + size(child), 0)
