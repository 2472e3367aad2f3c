import { base64url, sha256, utf8 } from './bytes.js'
import { kept } from './keystore.js'
import { read } from './pass.js'
import { Call, native } from './request.js'

const curve = { name: 'ECDSA', namedCurve: 'P-256' }

/** A private key that passes are bound to (DPoP, RFC 9449): a copy of such a pass is of no use to who does not hold the key. */
export class SenderKey {
  /** The RFC 7638 thumbprint: `cnf.jkt` of passes bound to the key. */
  readonly thumbprint: string
  #privateKey: CryptoKey
  #header: string
  #nonces = new Map<string, string>()

  private constructor(privateKey: CryptoKey, thumbprint: string, header: string) {
    this.#privateKey = privateKey
    this.thumbprint = thumbprint
    this.#header = header
  }

  /** The key that this browser keeps under a name, made when there is none; no script can read it. In Node it ends with the process. */
  static async open(name = 'sender'): Promise<SenderKey> {
    return SenderKey.of(await kept(name, () => crypto.subtle.generateKey(curve, false, ['sign', 'verify'])))
  }

  /** Takes an ECDSA key pair on P-256. */
  static async of({ privateKey, publicKey }: CryptoKeyPair): Promise<SenderKey> {
    const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
    const jwk = { crv, kty, x, y } // in the order of RFC 7638
    const thumbprint = base64url(await sha256(utf8(JSON.stringify(jwk))))
    return new SenderKey(privateKey, thumbprint, encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk }))
  }

  /** The value of a DPoP header for one request. `token` is the pass that the proof goes with, `nonce` what the server gave. */
  async proof(method: string, url: string, { token, nonce }: { token?: string | undefined; nonce?: string | undefined } = {}): Promise<string> {
    const { origin, pathname } = new URL(url)
    const ath = token && base64url(await sha256(utf8(token)))
    const iat = Math.floor(Date.now() / 1000)
    const claims = { jti: crypto.randomUUID(), htm: method, htu: origin + pathname, iat, ath, nonce } // absent where undefined
    const text = `${this.#header}.${encoded(claims)}`
    const signature = await crypto.subtle.sign({ ...curve, hash: 'SHA-256' }, this.#privateKey, utf8(text))
    return `${text}.${base64url(signature)}`
  }

  /**
   * A fetch that proves each request with a credential, and sends passes that are bound to the key as `Authorization: DPoP`. A server that
   * asks for a nonce is asked once more, with it. Give it to Daypass, whose passes it then binds.
   */
  transport(base: typeof fetch = native): typeof fetch {
    return async (input, init) => {
      const call = new Call(input, init)
      const { headers, origin } = call
      const authorization = headers.get('authorization')
      if (!authorization && !headers.has('api-key')) return call.send(base)
      const token = /^Bearer (.*)/i.exec(authorization ?? '')?.[1]
      const bound = token && this.#binds(token)
      const send = async (nonce: string | undefined) =>
        call.send(base, {
          dpop: await this.proof(call.method, call.url, { token: bound ? token : undefined, nonce }),
          ...(bound && { authorization: `DPoP ${token}` }),
        })
      const used = this.#nonces.get(origin)
      const answer = await send(used)
      const fresh = answer.headers.get('dpop-nonce') ?? used
      if (fresh) this.#nonces.set(origin, fresh)
      if (answer.status !== 401 || !call.repeatable || fresh === used) return answer
      answer.body?.cancel().catch(() => {})
      return send(fresh)
    }
  }

  /** Whether a pass says that it is bound to this key. Of an encrypted one nothing can be read; whose client proves a key has bound ones. */
  #binds(text: string): boolean {
    return text.split('.').length === 5 || read(text).cnf?.jkt === this.thumbprint
  }
}

const encoded = (part: object): string => base64url(utf8(JSON.stringify(part)))
