import { describe, expect, it } from 'vitest'
import { diff } from './diff'
import { promoted, read, reordered, ruleChanges, shadowed } from './file'
import { marksOf } from './marks'

const photos = `application: photos
hosts: [photos.example.com]   # the one
resources:
  - match: GET /public/**
    access: public
  - match: POST,PUT /albums/**
    require: { scopes: ["photos:write"], roles: [consumer] }
    limit: [{ rate: 10/s, burst: 20 }, { quota: 100/d, per: member }]
    mode: shadow
`

describe('read', () => {
  it('tells rules with their lines', () => {
    const { rules, marks, hosts } = read(photos)
    expect(marks).toEqual([])
    expect(hosts).toEqual(['photos.example.com'])
    expect(rules.map((rule) => [rule.line, rule.methods, rule.path, rule.access, rule.shadow])).toEqual([
      [4, 'GET', '/public/**', 'public', false],
      [6, 'POST,PUT', '/albums/**', 'required', true],
    ])
    expect(rules[1]).toMatchObject({ scopes: ['photos:write'], roles: ['consumer'], limits: [{ rate: '10/s', burst: 20 }, { quota: '100/d', per: 'member' }] })
  })

  it.each([
    ['an unknown field', 'resources:\n  - match: GET /x\n    access: public\n    acess: public\n', 4, 5, /unknown field "acess"/],
    ['a rule that asks nothing', 'resources:\n  - match: GET /x\n', 2, 5, /access, require, graphql/],
    ['a wrong match', 'resources:\n  - match: get /x\n    access: public\n', 2, 5, /Methods and a path/],
    ['an access there is not', 'resources:\n  - match: GET /x\n    access: open\n', 3, 5, /public, authenticated/],
    ['what does not go together', 'resources:\n  - { match: GET /x, access: public, require: { scopes: [a] } }\n', 2, 5, /do not go together/],
    ['what is not YAML', 'resources:\n  - match: "GET /x\n', 3, 1, /quote/],
    ['a pattern as scope', 'resources:\n  - match: GET /x\n    require: { scopes: ["a:*"] }\n', 3, 25, /not right|form/],
  ])('finds %s', (_, text, line, column, message) => {
    const [mark] = read(text).marks
    expect(mark?.message).toMatch(message)
    expect(mark?.line).toBe(line)
    if (!/YAML/.test(_)) expect(mark?.column).toBe(column)
  })
})

it('reads the places that the server names', () => {
  expect(marksOf(['line 3, column 5: unknown field "acess"', 'no place'])).toEqual([{ line: 3, column: 5, message: 'unknown field "acess"' }])
})

describe('shadow', () => {
  it('is written after the name, and taken out again', () => {
    const tried = shadowed(photos)
    expect(tried).toContain('application: photos\nmode: shadow\nhosts: [photos.example.com]   # the one')
    expect(read(tried).shadow).toBe(true)
    expect(promoted(tried)).toBe(photos.replace('hosts', 'mode: enforce\nhosts').replace('mode: shadow', 'mode: enforce'))
    expect(shadowed(promoted(tried))).toContain('photos\nmode: shadow\n')
  })
  it('is written before what comes first, below a comment', () => {
    expect(shadowed('# mine\nresources: []\n')).toBe('# mine\nmode: shadow\nresources: []\n')
  })
})

describe('ruleChanges', () => {
  const rules = (text: string) => read(`resources:\n${text}`).rules
  const rule = (match: string, rest: string) => `  - { match: ${match}, ${rest} }\n`
  it('names the effect, the worst first', () => {
    const before = rules(rule('GET /a', 'require: { scopes: [a] }') + rule('GET /b', 'require: { scopes: [a, b] }') + rule('GET /c', 'access: authenticated') + rule('GET /d', 'access: public'))
    const after = rules(rule('GET /c', 'require: { scopes: [c] }') + rule('GET /b', 'require: { scopes: [b] }') + rule('GET /a', 'access: public') + rule('GET /e', 'access: authenticated'))
    expect(ruleChanges(before, after).map((change) => [change.effect, change.match])).toEqual([
      ['opened', 'GET /a'],
      ['weakened', 'GET /b'],
      ['added', 'GET /e'],
      ['tightened', 'GET /c'],
      ['removed', 'GET /d'],
    ])
    expect(reordered(before, after)).toBe(true)
    expect(reordered(before, before)).toBe(false)
  })
})

describe('diff', () => {
  const apply = (before: string, after: string) => diff(before, after, 1000).hunks.flatMap((hunk) => hunk.lines)
  it.each([
    ['a\nb\nc\n', 'a\nx\nc\n'],
    ['', 'a\nb\n'],
    ['a\nb\n', ''],
    ['a\nb\nc\nd\ne', 'b\nc\nx\ne\nf'],
    ['same\n', 'same\n'],
  ])('of %j and %j holds both', (before, after) => {
    const lines = apply(before, after)
    const join = (kinds: string) => lines.filter((line) => kinds.includes(line.kind)).map((line) => line.text)
    const of = (text: string) => (text ? text.replace(/\n$/, '').split('\n') : [])
    if (before !== after) {
      expect(join(' -')).toEqual(of(before))
      expect(join(' +')).toEqual(of(after))
    } else expect(lines).toEqual([])
  })
  it('leaves out what is alike', () => {
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`)
    const { hunks, added, removed, tail } = diff(lines.join('\n'), lines.with(50, 'changed').join('\n'))
    expect([added, removed, hunks.length, hunks[0]!.skipped, hunks[0]!.lines.length, tail]).toEqual([1, 1, 1, 47, 8, 46])
  })
})

it.each([
  ['a bomb of aliases', `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}`, /alias/],
  ['what is nested too deeply', '['.repeat(20_000), /stack/],
  ['members that every object has', 'application: photos\nupstream: https://photos.example\nresources:\n  - { match: GET /, access: public, constructor: 1 }', /unknown field "constructor"/],
  ['a prototype', 'application: photos\nupstream: https://photos.example\nresources:\n  - { match: GET /, access: public, __proto__: { access: public } }', /unknown field "__proto__"/],
])('%s is marked', (_, text, message) => {
  expect(read(text).marks[0]?.message).toMatch(message)
  expect(Object.hasOwn(Object.prototype, 'access')).toBe(false)
})
