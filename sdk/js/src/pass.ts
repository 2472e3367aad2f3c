import type { components } from './api.gen.js'

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
   * `before` is how many seconds before its end a pass is renewed, at most half its life. Without it that is between
   * 30 and 20 % of its life, at random, so that many clients do not come at once.
   */
  constructor(token: string, claims: Partial<Claims> = read(token), before?: number) {
    this.token = token
    this.claims = claims
    const { exp, iat } = claims
    this.ends = exp ? exp * 1000 : Infinity
    const life = this.ends - (iat ?? 0) * 1000
    const lead = before === undefined ? life * 0.2 : Math.min(before * 1000, life / 2)
    this.due = this.ends - lead * (before === undefined ? 1 + Math.random() / 2 : 1 + Math.random() / 10)
    if (!exp) this.due = Infinity
  }
}

/** Reads the claims of a pass without verifying them: that is for who is shown it. */
export function read(token: string): Partial<Claims> {
  try {
    const part = token.split('.')[1] ?? ''
    const text = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0))
    return (JSON.parse(new TextDecoder().decode(bytes)) as Partial<Claims> | null) ?? {}
  } catch {
    return {}
  }
}
