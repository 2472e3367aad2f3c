// What a resource file says, as far as the dashboard shows it. The server decides what is right.
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import schema from '../../../../../docs/resources.schema.json'
import type { Mark } from './marks'
import { faults, type Path, type Schema } from './schema'

export type Limit = { rate?: string; burst?: number; per?: string; body?: string | number; bytes?: string; quota?: string }

export type Rule = {
  index: number
  line: number
  match: string
  methods: string
  path: string
  access: 'public' | 'authenticated' | 'required' | 'graphql' | 'unclear'
  scopes: string[]
  roles: string[]
  /** Where the roles must be held. */
  within: string
  /** Further demands: `signature`, `sender_key`. */
  demands: string[]
  limits: Limit[]
  shadow: boolean
  comment: string
}

export type Read = {
  rules: Rule[]
  hosts: string[]
  upstream: string
  shadow: boolean
  denied: string[]
  allowed: string[]
  marks: Mark[]
}

/** Characters from which on reading a file takes so long that one would feel it at each key. */
export const longFrom = 48 * 1024

export function read(text: string): Read {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter })
  const wrong: Mark[] = document.errors.map((error) => ({ ...place(counter, error.pos[0]), message: sentence(error.message) }))
  let value: unknown
  try {
    if (!wrong.length) value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    wrong.push({ line: 1, column: 1, message: error instanceof Error ? sentence(error.message) : String(error) })
  }
  const file = isObject(value) ? value : {}
  const lineOf = (path: Path) => place(counter, start(document, path))
  const marks = wrong.length
    ? wrong
    : text.trim() === ''
      ? [{ line: 1, column: 1, message: 'the file is empty; a file without resources denies every request' }]
      : faults(schema as Schema, value).map((fault) => ({ ...lineOf(fault.path), message: fault.message }))
  return {
    rules: list(file['resources']).map((rule, index) => ruleOf(rule, index, lineOf(['resources', index]).line)),
    hosts: strings(file['hosts']),
    upstream: typeof file['upstream'] === 'string' ? file['upstream'] : '',
    shadow: file['mode'] === 'shadow',
    denied: strings(file['deny_networks']),
    allowed: strings(file['allow_networks']),
    marks: marks.sort((a, b) => a.line - b.line || a.column - b.column),
  }
}

/** The file with `mode: shadow` for the whole of it. */
export function shadowed(text: string): string {
  const document = parseDocument(text)
  const mode = document.get('mode', true)
  if (isScalar(mode) && mode.range) return text.slice(0, mode.range[0]) + 'shadow' + text.slice(mode.range[1])
  if (!isMap(document.contents) || document.contents.flow) {
    document.set('mode', 'shadow')
    return document.toString()
  }
  // After the name of the application where that stands first, else at the very top.
  const first = document.contents.items[0]
  const named = first && isScalar(first.key) && first.key.value === 'application' && isScalar(first.value) ? first.value.range : undefined
  const at = named ? endOfLine(text, named[1]) : isScalar(first?.key) && first.key.range ? first.key.range[0] : 0
  const before = text.slice(0, at)
  return `${before}${before && !before.endsWith('\n') ? '\n' : ''}mode: shadow\n${text.slice(at)}`
}

/** The file with every `mode: shadow` made `mode: enforce`, and every other byte as it was. */
export function promoted(text: string): string {
  const document = parseDocument(text)
  const resources = document.get('resources', true)
  const modes = [document.get('mode', true), ...(isSeq(resources) ? resources.items.map((item) => (isMap(item) ? item.get('mode', true) : undefined)) : [])]
  const ranges = modes.flatMap((mode) => (isScalar(mode) && mode.value === 'shadow' && mode.range ? [mode.range] : []))
  return ranges.reduceRight((made, [from, to]) => made.slice(0, from) + 'enforce' + made.slice(to), text)
}

/** What a rule asks for, in a few words; two rules with the same words let the same passes in. */
export function needs(rule: Rule): string {
  if (rule.access === 'public') return 'nothing: it is public'
  if (rule.access === 'graphql') return 'what its GraphQL fields need'
  const parts = [
    rule.scopes.length ? `scopes ${rule.scopes.join(', ')}` : '',
    rule.roles.length ? `role ${rule.roles.join(' or ')}${rule.within === 'account' ? ' anywhere in the organization' : ''}` : '',
    ...rule.demands.map((demand) => ({ signature: 'a signed request', sender_key: "the sender's key" })[demand] ?? demand),
  ].filter(Boolean)
  return parts.length ? parts.join('; ') : rule.access === 'unclear' ? 'unclear' : 'any good pass'
}

export type RuleChange = { match: string; before: string; after: string; tone: 'bad' | 'warn' | 'plain'; effect: string }

/** What differs between the rules of two files, by their match. The order of rules is compared where nothing else differs. */
export function ruleChanges(before: readonly Rule[], after: readonly Rule[]): RuleChange[] {
  const enforced = (rules: readonly Rule[]) => {
    const map = new Map<string, Rule>()
    for (const rule of rules) if (!rule.shadow && !map.has(rule.match)) map.set(rule.match, rule) // the first that matches decides
    return map
  }
  const was = enforced(before)
  const is = enforced(after)
  const changes: RuleChange[] = []
  for (const [match, rule] of is) {
    const old = was.get(match)
    const open = rule.access === 'public'
    if (!old) changes.push({ match, before: 'no rule', after: needs(rule), tone: open ? 'bad' : 'warn', effect: open ? 'published' : 'added' })
    else if (needs(old) !== needs(rule)) {
      const effect = open ? 'opened' : rule.access === 'unclear' ? 'unclear' : stricter(old, rule) ? 'tightened' : stricter(rule, old) ? 'weakened' : 'replaced'
      changes.push({ match, before: needs(old), after: needs(rule), tone: open ? 'bad' : effect === 'tightened' ? 'plain' : 'warn', effect })
    }
  }
  for (const [match, rule] of was) if (!is.has(match)) changes.push({ match, before: needs(rule), after: 'no rule', tone: 'plain', effect: 'removed' })
  const weight = { bad: 0, warn: 1, plain: 2 }
  return changes.sort((a, b) => weight[a.tone] - weight[b.tone])
}

export function reordered(before: readonly Rule[], after: readonly Rule[]): boolean {
  const common = new Set(before.map((rule) => rule.match).filter((match) => after.some((rule) => rule.match === match)))
  const order = (rules: readonly Rule[]) => rules.map((rule) => rule.match).filter((match) => common.has(match)).join('\n')
  return order(before) !== order(after)
}

// Everybody whom b lets in gets in by a, too.
function stricter(a: Rule, b: Rule): boolean {
  if (a.access === 'public') return true
  if (a.access === 'graphql' || b.access === 'graphql' || b.access === 'public') return false
  const scopes = a.scopes.every((scope) => b.scopes.includes(scope))
  const roles = a.roles.length === 0 || (b.roles.length > 0 && b.roles.every((role) => a.roles.includes(role)) && (a.within === b.within || a.within === 'account'))
  return scopes && roles && a.demands.every((demand) => b.demands.includes(demand))
}

export function limitText(limit: Limit): string {
  const per = limit.per ? ` per ${limit.per}` : ''
  return (
    [limit.rate && `${limit.rate}${limit.burst ? `, ${limit.burst} at once` : ''}`, limit.quota && `quota ${limit.quota}`, limit.bytes && `${limit.bytes} of bodies`, limit.body && `body ${limit.body}`]
      .filter(Boolean)
      .join(', ') + per
  )
}

function ruleOf(given: unknown, index: number, line: number): Rule {
  const rule = isObject(given) ? given : {}
  const require = isObject(rule['require']) ? rule['require'] : undefined
  const match = typeof rule['match'] === 'string' ? rule['match'] : ''
  const [methods = '', path = ''] = match.split(/ +(.*)/s)
  const access = rule['access']
  return {
    index,
    line,
    match,
    methods: methods === '*' ? 'ANY' : methods,
    path,
    access: rule['graphql'] ? 'graphql' : require ? 'required' : access === 'public' || access === 'authenticated' ? access : 'unclear',
    scopes: strings(require?.['scopes']),
    roles: strings(require?.['roles']),
    within: require?.['in'] === 'account' ? 'account' : 'application',
    demands: ['signature', 'sender_key'].filter((name) => require?.[name] === true),
    limits: [rule['limit']].flat().filter(isObject) as Limit[],
    shadow: rule['mode'] === 'shadow',
    comment: typeof rule['comment'] === 'string' ? rule['comment'] : '',
  }
}

/** Where the member at a path begins in the text: its key, or the entry of a list; of what is not there, what it would be in. */
function start(document: Document, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const parent: unknown = length === 0 ? undefined : length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const name = path[length - 1]
    if (isMap(parent)) {
      const key = parent.items.find((pair) => isScalar(pair.key) && pair.key.value === name)?.key
      if (isScalar(key) && key.range) return key.range[0]
    }
    if (isSeq(parent) && typeof name === 'number') {
      const range = (parent.items[name] as Node | undefined)?.range
      if (range) return range[0]
    }
  }
  return document.contents?.range?.[0] ?? 0
}

function place(counter: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = counter.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

const sentence = (message: string) => message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const strings = (value: unknown): string[] => list(value).filter((item) => typeof item === 'string')
const endOfLine = (text: string, from: number) => {
  const at = text.indexOf('\n', from)
  return at < 0 ? text.length : at + 1
}
