import { expect, test } from 'vitest'
import { bare, clockOf, decode } from './decode'
import { fixesOf } from './fixes'
import { verify } from './verify'

const base64url = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
const encoded = (value: unknown) => base64url(new TextEncoder().encode(JSON.stringify(value)))
const claims = { sub: 'Zoë', scope: 'photos:read', exp: 1_767_609_000, nbf: 1_767_605_400, iat: 1_767_605_400 }

const methods = {
  ES256: [{ name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }],
  EdDSA: [{ name: 'Ed25519' }, { name: 'Ed25519' }],
  RS256: [{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, { name: 'RSASSA-PKCS1-v1_5' }],
  PS256: [{ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, { name: 'RSA-PSS', saltLength: 32 }],
} as const

async function made(alg: keyof typeof methods, kid = `sgk_${alg}`) {
  const [generate, use] = methods[alg]
  const pair = (await crypto.subtle.generateKey(generate, true, ['sign', 'verify'])) as CryptoKeyPair
  const start = `${encoded({ alg, kid, typ: 'at+jwt' })}.${encoded(claims)}`
  const signature = await crypto.subtle.sign(use, pair.privateKey, new TextEncoder().encode(start))
  const key = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid, alg, use: 'sig' }
  return { text: `${start}.${base64url(new Uint8Array(signature))}`, key }
}

function signed(text: string) {
  const decoded = decode(text)
  if (decoded?.kind !== 'signed') throw new Error(`${decoded?.kind}`)
  return decoded
}

test.each(Object.keys(methods) as (keyof typeof methods)[])('%s is checked', async (alg) => {
  const { text, key } = await made(alg)
  const stranger = await made(alg)
  const decoded = signed(text)
  expect(decoded.claims).toEqual(claims)
  expect(await verify(decoded, [key])).toEqual({ state: 'good', kid: `sgk_${alg}`, alg })
  expect(await verify(decoded, [stranger.key])).toMatchObject({ state: 'bad' })
  expect(await verify(decoded, [])).toMatchObject({ state: 'bad' })
  const [header, , signature] = text.split('.')
  expect(await verify(signed(`${header}.${encoded({ ...claims, scope: '*' })}.${signature}`), [key])).toMatchObject({ state: 'bad' })
})

test('a key serves the algorithm that it was published for', async () => {
  const { text, key } = await made('RS256', 'one')
  const [, payload, signature] = text.split('.')
  expect(await verify(signed(`${encoded({ alg: 'PS256', kid: 'one' })}.${payload}.${signature}`), [key])).toMatchObject({ state: 'bad' })
  expect(await verify(signed(`${encoded({ alg: 'none', kid: 'one' })}.${payload}.`), [key])).toMatchObject({ state: 'bad' })
  expect(await verify(signed(`${encoded({ alg: 'toString', kid: 'one' })}.${payload}.`), [key])).toMatchObject({ state: 'bad' })
  expect(await verify(signed(`${encoded({ alg: 'HS256', kid: 'one' })}.${payload}.${signature}`), [key])).toMatchObject({ state: 'open' })
})

test('what is copied with a pass is left away', () => {
  for (const around of ['a.b.c', ' a.b.c\n', 'Bearer a.b.c', 'Authorization: Bearer a.b.c', 'authorization:DPoP  a.b.c', '"a.b.c",', 'a.b\n.c']) expect(bare(around)).toBe('a.b.c')
})

test('what is no pass is named', () => {
  expect(decode('  ')).toBeUndefined()
  expect(decode('dp_live_0123')).toEqual({ kind: 'key' })
  expect(decode(`${encoded({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'enk_1' })}..a.b.c`)).toMatchObject({ kind: 'encrypted', header: { kid: 'enk_1' } })
  for (const text of ['hello', 'a.b', 'a.b.c', `${encoded([])}.${encoded({})}.c`, `${encoded({})}.${encoded({})}.=`, `${encoded({})}.${base64url(new Uint8Array([0x22, 0xff, 0x22]))}.c`, 'a'.repeat(9000)]) {
    expect([text, decode(text)?.kind]).toEqual([text, 'unreadable'])
  }
})

test('times count with a leeway of half a minute', () => {
  const { exp, nbf } = claims
  expect([nbf - 31, nbf - 30, exp, exp + 29, exp + 30].map((now) => clockOf(claims, now))).toEqual(['early', 'good', 'good', 'good', 'ended'])
  expect(clockOf({}, 0)).toBe('timeless')
})

test('each reason to deny leads to where it is mended', () => {
  const places = (reason: string, more = {}) => fixesOf({ allow: false, status: 403, reason, checks: [], ...more }, 'acme', 'key_1').map(({ to, search }) => [to, search])
  const app = { application: 'acme/photos', line: 8 }
  expect(places('no_application')).toEqual([['/o/acme/applications', {}]])
  expect(places('no_rule', app)).toEqual([['/o/acme/applications/photos', {}]])
  expect(places('scope_missing', app)).toEqual([['/o/acme/keys', { key: 'key_1' }], ['/o/acme/applications/photos', { tab: 'routes' }]])
  expect(places('role_missing', app)[0]).toEqual(['/o/acme/members', {}])
  expect(places('address_denied', app)[0]).toEqual(['/o/acme/applications/photos', { tab: 'networks' }])
  expect(places('something_new')).toEqual([])
  expect(fixesOf({ allow: true, status: 200, reason: 'allowed', checks: [] }, 'acme')).toEqual([])
  expect(fixesOf({ allow: false, status: 401, reason: 'token_missing', checks: [] }, 'acme')).toEqual([{ title: 'Keys, to make a pass of', to: '/o/acme/keys', search: {} }])
})
