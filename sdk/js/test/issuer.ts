// A server of our own whose clock, answers and speed a test commands; passes are as the real one's, but not signed.
import type { Claims } from '../src/index.js'

export class Issuer {
  /** Milliseconds by which its clock is ahead of the test's. */
  ahead = 0
  /** Seconds that a pass lives. */
  life = 1000
  renewable = true
  /** Milliseconds until it answers. */
  delay = 0
  /** Answers instead of a pass: a status with a code, or a network that is down. */
  fails: { status: number; code: string; headers?: Record<string, string> } | 'down' | undefined
  /** What the protected API answers, by the pass it was sent. */
  api: (token: string | undefined) => Response = () => new Response('photo')
  exchanges: string[] = []
  calls: (string | undefined)[] = []
  urls: string[] = []
  revoked: string[] = []
  #made = 0

  now(): number {
    return Date.now() + this.ahead
  }

  /** A pass issued now, or so many seconds ago. */
  pass(ago = 0): { token: string; token_type: 'Bearer'; expires_in: number; payload: Claims } {
    const iat = Math.floor(this.now() / 1000) - ago
    const payload = { iat, exp: iat + this.life, rn: this.renewable, jti: `tok_${++this.#made}` } as Claims
    const token = `e30.${btoa(JSON.stringify(payload))}.${this.#made}`
    return { token, token_type: 'Bearer', expires_in: this.life, payload }
  }

  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : String(input))
    const headers = new Headers(init?.headers ?? (input as Request).headers)
    const credential = headers.get('authorization')?.replace('Bearer ', '') ?? headers.get('api-key') ?? undefined
    if (url.pathname === '/v1/tokens') this.exchanges.push(credential ?? '')
    if (this.delay) await new Promise((done) => setTimeout(done, this.delay))
    if (url.pathname === '/v1/tokens/revoke') {
      this.revoked.push((JSON.parse(String(init?.body)) as { token: string }).token)
      return new Response(null, { status: 204 })
    }
    if (url.pathname !== '/v1/tokens') {
      this.calls.push(credential)
      this.urls.push(url.href)
      return this.api(credential)
    }
    if (this.fails === 'down') throw new TypeError('fetch failed')
    if (this.fails) return problem(this.fails.status, this.fails.code, this.fails.headers)
    return Response.json(this.pass())
  }
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ status, code, title: 'Refused', detail: 'so it is' }, { status, headers: { ...headers, 'content-type': 'application/problem+json' } })
}
