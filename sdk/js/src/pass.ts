import type { components } from './api.gen.js'
import { fromBase64url } from './bytes.js'

/** What a pass says. */
export type Claims = components['schemas']['Claims']
/** The answer to an exchange. */
export type Grant = components['schemas']['Grant']
/** What a pass is to be; what is left out is asked for as the credential has it. */
export type TokenOptions = components['schemas']['ExchangeRequest']

/** A pass with what is known of it. All that `POST /v1/tokens` answers, or only what its text tells. */
export class Pass {
  readonly token: string
  /** Empty where the pass is encrypted and did not come from the server itself. */
  readonly claims: Partial<Claims>
  /** Its end in milliseconds of the server's clock; Infinity where that cannot be known. */
  readonly ends: number
  /** When the next is to be had, in milliseconds of the server's clock. */
  due: number

  /**
   * `before` is how many seconds before its end a pass is renewed, at most half its life; a fifth of its life unless given. Up to a
   * quarter of that is added at random, so that many clients do not come at once.
   */
  constructor(token: string, claims: Partial<Claims> = read(token), before?: number) {
    this.token = token
    this.claims = claims
    const { exp = Infinity, iat = 0 } = claims
    const life = exp - iat
    const lead = Math.min(before ?? life / 5, life / 2) * (1 + Math.random() / 4)
    this.ends = exp * 1000
    this.due = lead < Infinity ? (exp - lead) * 1000 : Infinity
  }
}

/** Reads the claims of a pass without verifying them: that is for who is shown it. */
export function read(token: string): Partial<Claims> {
  try {
    return (JSON.parse(new TextDecoder().decode(fromBase64url(token.split('.')[1] ?? ''))) as Partial<Claims> | null) ?? {}
  } catch {
    return {}
  }
}
