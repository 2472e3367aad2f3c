import { base32, base64, type Bytes, sha256, utf8 } from './bytes.js'
import type { Identity } from './identity.js'
import { native } from './request.js'

/** A secret (dps_…), or whose public key is registered. */
export type SigningKey = string | Bytes | Pick<Identity, 'sign'>

/** In the order in which they are to stand. */
export type Parameters = { created?: number; expires?: number; keyid?: string; alg?: string; nonce?: string; tag?: string }

/** What is signed of a message (RFC 9421, 2.5): its components, by name and value, and the parameters; and the latter as they are sent. */
export function signatureBase(components: readonly (readonly [string, string])[], parameters: Parameters): { base: string; input: string } {
  // Of printable ASCII, JSON and structured fields (RFC 9651) make the same.
  const quoted = JSON.stringify
  const names = components.map(([name]) => quoted(name)).join(' ')
  const input = Object.entries(parameters).reduce((text, [name, value]) => `${text};${name}=${quoted(value)}`, `(${names})`)
  const lines = [...components, ['@signature-params', input] as const].map(([name, value]) => `${quoted(name)}: ${value}`)
  return { base: lines.join('\n'), input }
}

/** Signs requests as a key of Daypass: HTTP Message Signatures (RFC 9421) with a digest of the body (RFC 9530). */
export class Signer {
  readonly keyId: string
  #key: SigningKey

  /** Signs with the secret (dps_…) of a key (key_…), or with the identity whose public key was registered with it. */
  constructor(keyId: string, key: SigningKey) {
    this.keyId = keyId
    this.#key = key
  }

  /**
   * Sets the headers that prove a request: over method, whole target, Authorization where there is one, and the body, which is read into
   * memory. Good once, for a minute.
   */
  async sign(request: Request): Promise<Request> {
    const { headers } = request
    const body = await request.clone().arrayBuffer()
    if (body.byteLength) headers.set('content-digest', `sha-256=:${base64(await sha256(body))}:`)
    const components: [string, string][] = [
      ['@method', request.method],
      ['@target-uri', request.url.replace(/#.*/, '')],
    ]
    for (const name of ['authorization', 'content-digest']) {
      const value = headers.get(name)
      if (value) components.push([name, value])
    }
    const { base, input } = signatureBase(components, {
      created: Math.floor(Date.now() / 1000),
      keyid: this.keyId,
      alg: signs(this.#key) ? 'ed25519' : 'hmac-sha256',
      nonce: crypto.randomUUID(),
    })
    headers.set('signature-input', `sig=${input}`)
    headers.set('signature', `sig=:${base64(await signed(this.#key, base))}:`)
    return request
  }

  /** A fetch that signs what it sends. Give it to Daypass, or use it by itself. */
  transport(base: typeof fetch = native): typeof fetch {
    return async (input, init) => base(await this.sign(new Request(input, init)))
  }
}

const signs = (key: SigningKey): key is Pick<Identity, 'sign'> => (key as Identity).sign !== undefined

/** The signature of a base by a secret or an identity. */
export async function signed(key: SigningKey, base: string): Promise<ArrayBuffer | Bytes> {
  return signs(key) ? key.sign(base) : hmac(key, base)
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
