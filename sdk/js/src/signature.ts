import { base32, base64, type Bytes, sha256, utf8 } from './bytes.js'
import type { Identity } from './identity.js'

/** A message that is signed: method and absolute URL as the client asks for them, and headers. */
export type Message = { method: string; url: string; headers: Headers }

/** In the order in which they are to stand; a number is written as it is, a text in quotes. */
export type Parameters = { created?: number; expires?: number; keyid?: string; alg?: string; nonce?: string; tag?: string }

/**
 * What is signed of a message (RFC 9421, 2.5). Components are `@method`, `@target-uri`, `@authority`, `@path`, `@query` and names of
 * headers. TypeError if one is missing.
 */
export function signatureBase({ method, url, headers }: Message, components: readonly string[], parameters: Parameters): { base: string; input: string } {
  const target = new URL(url)
  target.hash = ''
  const derived: Record<string, string> = {
    '@method': method,
    '@target-uri': target.href,
    '@authority': target.host,
    '@path': target.pathname,
    '@query': target.search || '?',
  }
  // Of printable ASCII, JSON and structured fields (RFC 9651) make the same.
  const quoted = JSON.stringify
  const lines = components.map((name) => {
    const value = derived[name] ?? headers.get(name)
    if (value === null) throw new TypeError(`no ${name} to sign`)
    return `${quoted(name)}: ${value}\n`
  })
  const values = Object.entries(parameters).map(([name, value]) => `;${name}=${quoted(value)}`)
  const input = `(${components.map((name) => quoted(name)).join(' ')})${values.join('')}`
  return { base: `${lines.join('')}"@signature-params": ${input}`, input }
}

/** Signs requests as a key of Daypass: HTTP Message Signatures (RFC 9421) with a digest of the body (RFC 9530). */
export class Signer {
  readonly keyId: string
  #key: string | Bytes | Pick<Identity, 'sign'>

  /** Signs with the secret (dps_…) of a key (key_…), or with the identity whose public key was registered with it. */
  constructor(keyId: string, key: string | Bytes | Pick<Identity, 'sign'>) {
    this.keyId = keyId
    this.#key = key
  }

  /** The headers `Signature-Input` and `Signature` over chosen components. */
  async signature(message: Message, components: readonly string[], parameters: Parameters, label = 'sig'): Promise<{ 'signature-input': string; signature: string }> {
    const { base, input } = signatureBase(message, components, parameters)
    const key = this.#key
    const made = typeof key === 'object' && 'sign' in key ? await key.sign(base) : await hmac(key, base)
    return { 'signature-input': `${label}=${input}`, signature: `${label}=:${base64(made)}:` }
  }

  /** The headers that prove one request: over method, whole target, Authorization where there is one, and the body. Good once, for a minute. */
  async headers(message: Message, body?: Bytes): Promise<Record<string, string>> {
    const digest: Record<string, string> = body?.length ? { 'content-digest': `sha-256=:${base64(await sha256(body))}:` } : {}
    const headers = new Headers(message.headers)
    for (const [name, value] of Object.entries(digest)) headers.set(name, value)
    const components = ['@method', '@target-uri', ...['authorization', 'content-digest'].filter((name) => headers.has(name))]
    const parameters = { created: Math.floor(Date.now() / 1000), keyid: this.keyId, alg: typeof this.#key === 'object' && 'sign' in this.#key ? 'ed25519' : 'hmac-sha256', nonce: crypto.randomUUID() }
    return { ...digest, ...(await this.signature({ method: message.method, url: message.url, headers }, components, parameters)) }
  }

  /** A fetch that signs what it sends; bodies are read into memory. Give it to Daypass, or use it by itself. */
  transport(base: typeof fetch = (input, init) => fetch(input, init)): typeof fetch {
    return async (input, init) => {
      const request = new Request(input, init)
      const proof = await this.headers(request, new Uint8Array(await request.clone().arrayBuffer()))
      for (const [name, value] of Object.entries(proof)) request.headers.set(name, value)
      return base(request)
    }
  }
}

/** A key that is proved until a time, for any request: in the form of Textile's clients. */
export type SignedTime = { key: string; sig: string; msg: string }

/** Signs a time to come, at most half an hour ahead, with the secret (dps_…) of a key (key_…). For backends, who hand it to their page. */
export async function signTime(key: string, secret: string, until: Date): Promise<SignedTime> {
  const msg = until.toISOString()
  return { key, sig: base32(await hmac(secret, msg)), msg }
}

async function hmac(secret: string | Bytes, text: string): Promise<ArrayBuffer> {
  const key = await crypto.subtle.importKey('raw', typeof secret === 'string' ? utf8(secret) : secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return crypto.subtle.sign('HMAC', key, utf8(text))
}
