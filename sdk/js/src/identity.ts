import { base32, base58, base64url, type Bytes, fromBase32, fromBase64url, utf8 } from './bytes.js'
import { kept } from './keystore.js'

const algorithm = 'Ed25519'

/** libp2p's protobuf around an Ed25519 key: its type, and how many bytes follow. */
const privateFrame = [0x08, 0x01, 0x12, 0x40]
const publicFrame = [0x08, 0x01, 0x12, 0x20]
/** The multicodec of an Ed25519 public key. */
const multicodec = [0xed, 0x01]

/** A user who is known by a public key alone: an Ed25519 key pair (RFC 8032) of WebCrypto. */
export class Identity {
  readonly privateKey: CryptoKey
  /** The 32 bytes of the public key. */
  readonly publicBytes: Bytes

  private constructor(privateKey: CryptoKey, publicBytes: Bytes) {
    this.privateKey = privateKey
    this.publicBytes = publicBytes
  }

  /** A new identity. One that cannot be exported is lost with the browser that keeps it. */
  static async generate(extractable = true): Promise<Identity> {
    return Identity.of(await pair(extractable))
  }

  /** The identity that this browser keeps under a name, made when there is none; no script can read its private key. */
  static async open(name = 'identity'): Promise<Identity> {
    return Identity.of(await kept(name, () => pair(false)))
  }

  static async of({ privateKey, publicKey }: CryptoKeyPair): Promise<Identity> {
    return new Identity(privateKey, new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)))
  }

  /** Takes what `export` gave, or the text of a private key of `@textile/crypto`. TypeError if it is none. */
  static async import(text: string, extractable = true): Promise<Identity> {
    if (!/^bbaareq[a-z2-7]{103}$/.test(text)) throw new TypeError('not the private key of an identity')
    const bytes = fromBase32(text)
    const publicBytes = bytes.slice(36)
    const jwk = { kty: 'OKP', crv: algorithm, d: base64url(bytes.slice(4, 36)), x: base64url(publicBytes) }
    return new Identity(await crypto.subtle.importKey('jwk', jwk, algorithm, extractable, ['sign']), publicBytes)
  }

  /** The private key as text, which is a secret: who has it is this user. Rejects where the key was made not to be exported. */
  async export(): Promise<string> {
    const { d } = await crypto.subtle.exportKey('jwk', this.privateKey)
    return base32(Uint8Array.from([...privateFrame, ...fromBase64url(d ?? ''), ...this.publicBytes]))
  }

  /** `did:key:z6Mk…` */
  get did(): string {
    return `did:key:${base58(Uint8Array.from([...multicodec, ...this.publicBytes]))}`
  }

  /** `bbaareib…`, the public key as Textile's clients write it. */
  toString(): string {
    return base32(Uint8Array.from([...publicFrame, ...this.publicBytes]))
  }

  /** The 64 bytes of an Ed25519 signature. */
  async sign(bytes: Bytes | string): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.sign(algorithm, this.privateKey, typeof bytes === 'string' ? utf8(bytes) : bytes))
  }
}

const pair = (extractable: boolean) => crypto.subtle.generateKey(algorithm, extractable, ['sign', 'verify']) as Promise<CryptoKeyPair>
