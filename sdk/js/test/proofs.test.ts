import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { base32, fromBase32 } from '../src/bytes.js'
import { Identity, readClaims, SenderKey, Signer, signTime } from '../src/index.js'
import { type Parameters, signatureBase, signed } from '../src/signature.js'

type Case = { id: string; keyid: string; alg: string; message: string; signatureInput: string; signature: string; signatureBase: string }
const { keys, cases } = JSON.parse(readFileSync(new URL('../../../sign/testdata/rfc9421.json', import.meta.url), 'utf8')) as {
  keys: Record<string, { base64?: string; private?: string; public?: string }>
  cases: Case[]
}

/** What a client would sign of a message of RFC 9421, and in which order. */
function parts({ message, signatureInput }: Case): { components: [string, string][]; parameters: Parameters; label: string } {
  const [head = '', ...fields] = message.split('\n\n')[0]!.split('\n')
  const [method = '', target = ''] = head.split(' ')
  const headers = new Headers(fields.map((field) => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim()] as [string, string]))
  const url = new URL(target, `https://${headers.get('host')}`)
  const [, label = '', names = '', rest = ''] = /^([^=]+)=\(([^)]*)\)(.*)$/.exec(signatureInput) ?? []
  const derived: Record<string, string> = { '@method': method, '@authority': url.host, '@path': url.pathname, '@query': url.search || '?' }
  const components = [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => [name, derived[name] ?? headers.get(name)!] as [string, string])
  const parameters = Object.fromEntries([...rest.matchAll(/;([a-z]+)=("[^"]*"|\d+)/g)].map(([, name, value]) => [name, JSON.parse(value!)])) as Parameters
  return { components, parameters, label }
}

describe('signatures', () => {
  const usable = cases.filter(({ signatureInput, message }) => !/;(name|req|bs|sf|key)[=; )]|@status/.test(signatureInput.replace(/\).*$/, ')')) && !message.startsWith('HTTP/'))

  test.each(usable)('base of RFC 9421 $id', (one) => {
    const { components, parameters, label } = parts(one)
    const { base, input } = signatureBase(components, parameters)
    expect(base).toBe(one.signatureBase)
    expect(`${label}=${input}`).toBe(one.signatureInput)
  })

  test.each(usable.filter(({ alg }) => alg === 'hmac-sha256' || alg === 'ed25519'))('$alg of RFC 9421 $id', async (one) => {
    const { components, parameters, label } = parts(one)
    const key = keys[one.keyid]!
    const secret = one.alg === 'ed25519' ? await fromPEM(key.private!) : Uint8Array.from(Buffer.from(key.base64!, 'base64'))
    const value = Buffer.from(new Uint8Array(await signed(secret, signatureBase(components, parameters).base))).toString('base64')
    expect(`${label}=:${value}:`).toBe(one.signature.trim())
  })

  test('both are among them', () => expect(usable.map(({ alg }) => alg)).toEqual(expect.arrayContaining(['hmac-sha256', 'ed25519'])))

  async function fromPEM(text: string): Promise<{ sign: (text: string | Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>> }> {
    const der = Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    const key = await crypto.subtle.importKey('pkcs8', der, 'Ed25519', false, ['sign'])
    return { sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', key, typeof message === 'string' ? new TextEncoder().encode(message) : message)) }
  }

  test('two of one request differ', async () => {
    const signer = new Signer('key_1', 'dps_x')
    const make = async () => (await signer.sign(new Request('https://a.example/b?c#d', { method: 'POST', body: 'x' }))).headers
    const [one, two] = [await make(), await make()]
    expect(one.get('signature-input')).toMatch(/^sig=\("@method" "@target-uri" "content-digest"\);created=\d+;keyid="key_1";alg="hmac-sha256";nonce="[^"]+"$/)
    expect(one.get('signature')).not.toBe(two.get('signature'))
    expect(one.get('content-digest')).toBe('sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:')
  })

  test('a time', async () => {
    expect(await signTime('key_1', 'dps_x', new Date('2026-01-05T09:30:00.12Z'))).toEqual({ key: 'key_1', msg: '2026-01-05T09:30:00.120Z', sig: expect.stringMatching(/^b[a-z2-7]{52}$/) })
  })
})

describe('identities', () => {
  // Of the npm package @textile/crypto.
  const secret = 'bbaareqanxpykbcwu2pyzixrbvyua5lfl2zo3rnvtkdx66vigbsf2yewdqc5ia434pvsapesuiuz34fqytoxqourtuks5xfgtj3svpwckkoav2'
  const known = 'bbaareif2qbzxy7lea6jfirjtxylbrg5pa5jdhivf3okngtxfk7meuu4blu'

  test("are Textile's, as text", async () => {
    const identity = await Identity.import(secret)
    expect(`${identity}`).toBe(known)
    expect(await identity.export()).toBe(secret)
  })

  test('are did:key', async () => {
    // RFC 8032, 7.1, test 1, as a did:key.
    const bytes = Uint8Array.from(Buffer.from('08011240' + '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60' + 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'))
    const identity = await Identity.import(base32(bytes))
    expect(identity.did).toBe('did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw')
    expect(Buffer.from(await identity.sign('')).toString('hex')).toBe('e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b')
  })

  test('what is none is refused, and what may not leave does not', async () => {
    for (const text of ['', 'b', known, secret.slice(0, -1), secret.replace('b', 'z'), `${secret}a`, secret.toUpperCase()]) await expect(Identity.import(text)).rejects.toThrow(TypeError)
    await expect((await Identity.generate(false)).export()).rejects.toThrow()
    await expect((await Identity.open()).export()).rejects.toThrow()
  })

  test('base32 there and back', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = crypto.getRandomValues(new Uint8Array(length))
      expect(fromBase32(base32(bytes))).toEqual(bytes)
    }
  })
})

test('a proof of possession is as RFC 9449 has it', async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  const sender = await SenderKey.of(pair)
  const [header = '', payload = '', signature = ''] = (await sender.proof('GET', 'https://a.example/b?c=1#d', { token: 'e30.e30.x', nonce: 'n' })).split('.')
  const { jwk, ...rest } = JSON.parse(Buffer.from(header, 'base64url').toString())
  expect(rest).toEqual({ typ: 'dpop+jwt', alg: 'ES256' })
  expect(Object.keys(jwk).toSorted()).toEqual(['crv', 'kty', 'x', 'y'])
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({
    htm: 'GET',
    htu: 'https://a.example/b',
    jti: expect.any(String),
    iat: expect.closeTo(Date.now() / 1000, -1),
    ath: Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from('e30.e30.x'))).toString('base64url'),
    nonce: 'n',
  })
  expect(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, pair.publicKey, Buffer.from(signature, 'base64url'), Buffer.from(`${header}.${payload}`))).toBe(true)
})

test('claims are read of what is a pass, and of nothing else', () => {
  expect(readClaims(`e30.${Buffer.from('{"sub":"Zoë"}').toString('base64url')}.x`)).toEqual({ sub: 'Zoë' })
  for (const text of ['', 'a.b', 'a.bnVsbA.c', '...', '%%.%%.%%']) expect(readClaims(text)).toEqual({})
})
