// Reads a pass in the browser, as docs/tokens.md has it; nothing is sent. Whether it is
// good is for verify.ts and the server to say.

type Json = Record<string, unknown>

export type Decoded =
  | { kind: 'signed'; text: string; header: Json; claims: Json; signed: Uint8Array<ArrayBuffer>; signature: Uint8Array<ArrayBuffer> }
  | { kind: 'encrypted'; text: string; header: Json }
  | { kind: 'key' }
  | { kind: 'unreadable'; why: string }

/** Longer ones are refused everywhere. */
export const maxLength = 8192

/** The bare text of what was copied together with `Authorization:`, `Bearer`, quotes or line breaks. */
export function bare(pasted: string): string {
  return pasted
    .trim()
    .replace(/^authorization\s*:\s*/i, '')
    .replace(/^(bearer|dpop)\s+/i, '')
    .replace(/^["'`]+|["'`,;]+$/g, '')
    .replace(/\s+/g, '')
}

function bytesOf(part: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*$/.test(part)) throw new Error('it has other characters than base64url')
  return Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
}

function objectOf(part: string, what: string): Json {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(part)))
  } catch {
    throw new Error(`its ${what} is no JSON in base64url`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`its ${what} is no JSON object`)
  return value as Json
}

/** What a text says; undefined where there is none. */
export function decode(pasted: string): Decoded | undefined {
  const text = bare(pasted)
  if (!text) return undefined
  if (/^dps?_/.test(text)) return { kind: 'key' }
  const parts = text.split('.')
  const [header = '', second = '', third = ''] = parts
  try {
    if (text.length > maxLength) throw new Error(`it has ${text.length.toLocaleString('en')} characters, and no pass has more than ${maxLength.toLocaleString('en')}`)
    if (parts.length === 5) return { kind: 'encrypted', text, header: objectOf(header, 'header') }
    if (parts.length !== 3) throw new Error(`it has ${parts.length === 1 ? 'no dots' : `${parts.length} parts`}; a signed pass has three parts with dots between, an encrypted one five`)
    return {
      kind: 'signed',
      text,
      header: objectOf(header, 'header'),
      claims: objectOf(second, 'payload'),
      signed: new TextEncoder().encode(`${header}.${second}`),
      signature: signatureOf(third),
    }
  } catch (error) {
    return { kind: 'unreadable', why: (error as Error).message }
  }
}

function signatureOf(part: string): Uint8Array<ArrayBuffer> {
  try {
    return bytesOf(part)
  } catch {
    throw new Error('its signature is not in base64url')
  }
}

export type Clock = 'good' | 'early' | 'ended' | 'timeless'

const leeway = 30 // seconds, the same at every door

/** Whether the claims count at a time, in seconds since 1970. */
export function clockOf(claims: Json, now: number): Clock {
  const { exp, nbf, iat } = claims
  if (typeof exp !== 'number') return 'timeless'
  if (now >= exp + leeway) return 'ended'
  if ([nbf, iat].some((begin) => typeof begin === 'number' && now < begin - leeway)) return 'early'
  return 'good'
}
