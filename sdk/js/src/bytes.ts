export type Bytes = Uint8Array<ArrayBuffer>

export const utf8 = (text: string): Bytes => new TextEncoder().encode(text) as Bytes

export const base64 = (bytes: ArrayBuffer | Bytes): string => btoa(String.fromCharCode(...new Uint8Array(bytes)))

export const base64url = (bytes: ArrayBuffer | Bytes): string => base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

export const fromBase64url = (text: string): Bytes => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** The bits as a text of 0 and 1. */
function bits(bytes: ArrayBuffer | Bytes): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(2).padStart(8, '0')).join('')
}

/** Multibase base32: `b`, then lower case without padding (RFC 4648, 6). */
export function base32(bytes: ArrayBuffer | Bytes): string {
  return `b${bits(bytes).replace(/.{1,5}/g, (five) => alphabet[parseInt(five.padEnd(5, '0'), 2)] ?? '')}`
}

/** Reads what base32 writes. */
export function fromBase32(text: string): Bytes {
  const read = Array.from(text.slice(1), (digit) => alphabet.indexOf(digit).toString(2).padStart(5, '0')).join('')
  return Uint8Array.from(read.match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2))
}

const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** Multibase base58btc, of bytes that do not begin with zero. */
export function base58(bytes: Bytes): string {
  let text = ''
  for (let rest = BigInt(`0b${bits(bytes)}`); rest; rest /= 58n) text = digits[Number(rest % 58n)] + text
  return `z${text}`
}

export const sha256 = (bytes: Bytes | ArrayBuffer): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', bytes)
