import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { blank, commands, keep, load, resourceFile, samplePath, scopesOf, slugOf, usualRules } from './draft'

const draft = { ...blank('acme'), gateway: 'http://localhost:8000', app: 'photos', host: 'photos.acme.example', rules: usualRules('photos', '/') }

describe('the draft of the first application', () => {
  it('writes a resource file', () => {
    expect(parse(resourceFile(draft))).toEqual({
      application: 'photos',
      organization: 'acme',
      hosts: ['photos.acme.example'],
      upstream: 'http://127.0.0.1:9000',
      resources: [
        { match: 'GET /health', access: 'public' },
        { match: 'GET /**', require: { scopes: ['photos:read'] } },
        { match: 'ANY /**', require: { scopes: ['photos:write'] } },
      ],
    })
    expect(parse(resourceFile({ ...draft, by: 'prefix', prefix: '/photos' }))).toMatchObject({ prefix: '/photos' })
    expect(scopesOf(draft.rules)).toEqual(['photos:read', 'photos:write'])
  })

  it('makes commands that a shell takes', () => {
    expect(samplePath([{ methods: 'GET', path: '/a/{id}/*/**', access: 'scope', scope: 'x' }])).toBe('/a/1/1/')
    const text = commands(draft, 'http://localhost:8080', 'dp_test_x')
    expect(text).toContain('export DAYPASS_KEY=dp_test_x')
    expect(text.replace(/ \\\n +/g, ' ')).toContain('curl -i http://localhost:8000/ -H "Host: photos.acme.example" -H "Authorization: Bearer $PASS"')
  })

  it('survives a reload, and storage that holds nonsense', () => {
    const kept = new Map<string, string>()
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key) }
    keep(draft, storage)
    expect(load(storage)).toEqual(draft)
    kept.set('daypass.setup', '{')
    expect(load(storage)).toEqual({})
  })

  it('makes slugs of names', () => expect(slugOf(' Ácme Pictures! ')).toBe('acme-pictures'))
})
