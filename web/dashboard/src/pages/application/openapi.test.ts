import { expect, it } from 'vitest'
import { read } from './file'
import { importOpenAPI, withResources } from './openapi'

const head = 'openapi: 3.1.0\ninfo: { title: Photos, version: "1" }\nservers: [{ url: "https://api.example.com/v1" }]\n'
const resources = (paths: string) => importOpenAPI(`${head}${paths}`).resources

it('takes the nearest word, and never opens what the document does not open', () => {
  const { resources, warnings } = importOpenAPI(`${head}security: [{ login: [photos:read] }]
paths:
  /photos/{id}: { get: {}, delete: { security: [{ login: [a] }, { login: [photos:delete, b] }] }, head: {} }
  /photos/latest: { get: { security: [] } }
  /photos/{id}.jpg: { get: { security: [{}, { login: [c] }] } }
  /me: { get: { security: [{ api_key: [] }] }, post: { x-daypass-roles: [developer], x-daypass-scopes: [m] } }
  /files/{path*}: { get: { x-daypass-access: public } }
  /odd/{;matrix}: { get: {} }
  /hidden: { get: { x-daypass-ignore: true } }
`)
  expect(resources).toEqual([
    { match: 'GET /v1/me', access: 'authenticated' },
    { match: 'POST /v1/me', require: { scopes: ['m'], roles: ['developer'] } },
    { match: 'GET /v1/photos/latest', access: 'public' },
    { match: 'GET /v1/photos/*.jpg', require: { scopes: ['c'] } },
    { match: 'GET /v1/photos/{id}', require: { scopes: ['photos:read'] } },
    { match: 'DELETE /v1/photos/{id}', require: { scopes: ['photos:delete', 'b'] } },
    { match: 'GET /v1/files/**', access: 'public' },
  ].sort((a, b) => resources.findIndex((one) => one.match === a.match) - resources.findIndex((one) => one.match === b.match)))
  const order = resources.map((resource) => resource.match)
  expect(order.indexOf('GET /v1/photos/latest')).toBeLessThan(order.indexOf('GET /v1/photos/{id}'))
  expect(warnings).toHaveLength(3)
})

it('asks for a good pass where nothing is said', () => {
  expect(resources('paths: { /a: { get: {} } }\n')).toEqual([{ match: 'GET /v1/a', access: 'authenticated' }])
  expect(resources('security: []\npaths: { /a: { get: {} } }\n')).toEqual([{ match: 'GET /v1/a', access: 'authenticated' }])
})

it('asks for what both need where a match cannot tell two apart', () => {
  expect(resources('paths: { "/a/{x}": { get: { security: [{ s: [one] }] } }, "/a/{y}": { get: { security: [{ s: [two] }] } } }\n')).toEqual([{ match: 'GET /v1/a/{x}', require: { scopes: ['one', 'two'] } }])
})

it.each([
  ['a misspelt field of ours', 'paths: { /a: { get: { x-daypass-scope: [a] } } }\n', /x-daypass-scope/],
  ['a reference', 'paths: { /a: { $ref: other.yaml } }\n', /reference/],
  ['no paths', '', /no paths/],
])('refuses %s', (_, paths, message) => {
  expect(() => resources(paths)).toThrow(message)
})

it('keeps of the file what OpenAPI has no word for', () => {
  const file = 'application: photos   # mine\nhosts: [a.example]\nresources:\n  - match: GET /v1/a\n    access: public\n    limit: { rate: 5/s }\n  - match: GET /old\n    access: public\ndeny_networks: [192.0.2.0/24]\n'
  const made = withResources(file, [{ match: 'GET /v1/a', require: { scopes: ['a'] } }])
  expect(made).toContain('application: photos   # mine')
  expect(made).toContain('deny_networks: [192.0.2.0/24]')
  const { rules, marks } = read(made)
  expect(marks).toEqual([])
  expect(rules.map((rule) => [rule.match, rule.scopes, rule.limits])).toEqual([['GET /v1/a', ['a'], [{ rate: '5/s' }]]])
  expect(read(withResources('application: photos\n', [{ match: 'GET /a', access: 'public' }])).marks).toEqual([])
})

it('a large document is read at once where it is JSON, and refused where it would hold up the page', () => {
  const paths = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`/things/${i}`, { get: { description: 'x'.repeat(400), security: [{ login: ['things:read'] }] } }]))
  const text = JSON.stringify({ openapi: '3.1.0', paths })
  expect(text.length).toBeGreaterThan(2_000_000)
  const began = performance.now()
  expect(importOpenAPI(text).resources).toHaveLength(5000)
  expect(performance.now() - began).toBeLessThan(1000)
  expect(() => importOpenAPI(`# YAML\n${text}`)).toThrow('Convert it to JSON')
  expect(() => importOpenAPI(' '.repeat(16_000_001))).toThrow('command line')
})
