import type { Decoded } from './decode'

type Key = JsonWebKey & { kid?: string }
type Signed = Extract<Decoded, { kind: 'signed' }>

export type Signature =
  | { state: 'good'; kid: string; alg: string }
  | { state: 'bad'; why: string }
  /** Nobody can tell here. */
  | { state: 'open'; why: string }

/** How WebCrypto calls the algorithms that sign passes. */
const algorithms: Record<string, { kty: string; key: Algorithm | EcKeyImportParams | RsaHashedImportParams; use: Algorithm | EcdsaParams | RsaPssParams }> = {
  ES256: { kty: 'EC', key: { name: 'ECDSA', namedCurve: 'P-256' }, use: { name: 'ECDSA', hash: 'SHA-256' } },
  EdDSA: { kty: 'OKP', key: { name: 'Ed25519' }, use: { name: 'Ed25519' } },
  RS256: { kty: 'RSA', key: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, use: { name: 'RSASSA-PKCS1-v1_5' } },
  PS256: { kty: 'RSA', key: { name: 'RSA-PSS', hash: 'SHA-256' }, use: { name: 'RSA-PSS', saltLength: 32 } },
}

/** Checks the signature of a pass by the published keys (RFC 7515, section 5.2). */
export async function verify({ header, signed, signature }: Pick<Signed, 'header' | 'signed' | 'signature'>, keys: readonly Key[]): Promise<Signature> {
  const { alg, kid } = header
  if (alg === 'HS256') return { state: 'open', why: 'It is signed with a secret that only servers without a database have. Ask the one that issued it.' }
  const method = typeof alg === 'string' && Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined
  if (!method) return { state: 'bad', why: `Passes are signed with ${Object.keys(algorithms).join(', ')}, and with nothing else.` }
  const key = keys.find((one) => one.kid === kid)
  if (typeof kid !== 'string' || !key) return { state: 'bad', why: 'No published key of this server has its “kid”: another server issued it, or the key was taken back.' }
  if (key.kty !== method.kty || (key.alg !== undefined && key.alg !== alg)) return { state: 'bad', why: `The key ${kid} is for ${key.alg ?? key.kty}, not for ${String(alg)}.` }
  if (!globalThis.crypto?.subtle) return { state: 'open', why: 'Browsers check signatures on https and localhost only.' }
  try {
    const { kty, crv, x, y, n, e } = key
    const known = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)) as JsonWebKey
    const imported = await crypto.subtle.importKey('jwk', known, method.key, false, ['verify'])
    if (await crypto.subtle.verify(method.use, imported, signature, signed)) return { state: 'good', kid, alg: String(alg) }
    return { state: 'bad', why: `It was not made by ${kid} over this header and payload: the text was changed or cut.` }
  } catch (error) {
    return { state: 'open', why: `This browser cannot check ${String(alg)}: ${error instanceof Error ? error.message : String(error)}` }
  }
}
