import { expect, test } from 'vitest'
import { endsWith, lineage, lineOf, type Node, type Pass } from './lineage'

let clock = 0
const pass = (id: string, families: string[], more: Partial<Pass> = {}): Pass => ({
  id, families, user: 'usr_1', key: 'key_1', subject: 'usr_1', origin: 'key', scopes: [], roles: [], audience: ['acme'], ips: [], renewable: false,
  issued: new Date(1_767_600_000_000 + clock++ * 1000).toISOString(), expires: '2026-01-06T00:00:00Z', ...more,
})

/** `a(b c(d))`; what has ended stands in brackets. */
const drawn = (nodes: Node[]): string =>
  nodes.map((node) => (node.pass ? node.id : `[${node.id}]`) + (node.children.length ? `(${drawn(node.children)})` : '')).join(' ')

const first = pass('a', ['a'], { renewable: true })
const renewed = pass('b', ['a'], { parent: 'a', origin: 'renewed' })
const narrowed = pass('c', ['a', 'c'], { parent: 'b', origin: 'narrowed' })
const again = pass('d', ['a', 'c', 'd'], { parent: 'c', origin: 'narrowed' })
const other = pass('x', ['x'])
const all = [other, again, narrowed, renewed, first] // as the list has them, the newest first

test('each hangs under what it was made from', () => {
  expect(drawn(lineage(all))).toBe('a(b(c(d))) x')
  expect(drawn([lineOf('d', all)!])).toBe('a(b(c(d)))')
  expect(drawn([lineOf('x', all)!])).toBe('x')
  expect(lineOf('gone', all)).toBeUndefined()
})

test('what has ended in between is put in', () => {
  expect(drawn(lineage([first, narrowed]))).toBe('a([b](c))')
  expect(drawn(lineage([renewed]))).toBe('[a](b)')
  expect(drawn(lineage([narrowed, pass('e', ['a', 'e'], { parent: 'b', origin: 'narrowed' })]))).toBe('[a]([b](c e))')
  expect(drawn(lineage([again]))).toBe('[a]([c](d))')
})

test('the families of who acts are not taken for those of the subject', () => {
  const acting = pass('f', ['actor', 'a', 'f'], { parent: 'a', origin: 'exchanged', actors: ['usr_2'] })
  expect(drawn(lineage([acting]))).toBe('[a](f)')
  expect(drawn(lineage([first, acting]))).toBe('a(f)')
})

test('a revocation ends the whole family and all within it', () => {
  const ids = (of: Pass) => endsWith(of, all).map((one) => one.id)
  expect(ids(first)).toEqual(['d', 'c', 'b'])
  expect(ids(renewed)).toEqual(['d', 'c', 'a'])
  expect(ids(narrowed)).toEqual(['d'])
  expect(ids(again)).toEqual([])
  expect(ids(other)).toEqual([])
})
