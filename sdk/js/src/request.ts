import { DaypassError } from './errors.js'

/** The arguments of fetch, read once and sent as often as needed. */
export class Call {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  /** Whether it can be sent again: a stream flows once, and what flows needs `duplex`. */
  readonly repeatable: boolean
  #input: Request | string
  #init: RequestInit | undefined

  constructor(input: RequestInfo | URL, init?: RequestInit) {
    const whole = input instanceof Request ? input : undefined
    this.url = whole ? whole.url : new URL(String(input), globalThis.document?.baseURI ?? globalThis.location?.href).href
    this.#input = whole ?? this.url // what was judged is what is sent
    this.#init = init
    this.method = (init?.method ?? whole?.method ?? 'GET').toUpperCase()
    this.headers = new Headers(init?.headers ?? whole?.headers)
    this.repeatable = !(init as { duplex?: string } | undefined)?.duplex
  }

  get origin(): string {
    return new URL(this.url).origin
  }

  /** Sends it with further headers, named in lower case; those of this call are left as they are. */
  send(by: typeof fetch, more?: Record<string, string>): Promise<Response> {
    return by(this.#again(), { ...this.#init, headers: { ...Object.fromEntries(this.headers), ...more } })
  }

  #again(): Request | string {
    return typeof this.#input === 'object' && this.#init?.body == null ? this.#input.clone() : this.#input
  }
}

/** The fetch of the platform, as it is when it is called. */
export const native: typeof fetch = (input, init) => fetch(input, init)

/** The longest that one of our own calls may take, and that another tab's is waited for, in milliseconds. */
export const deadline = 30_000

/** Calls the server for the library itself. Rejects with DaypassError, of whatever kind. */
export async function post(send: typeof fetch, url: string, body?: object, headers?: Record<string, string>): Promise<Response> {
  const answer = await send(url, {
    method: 'POST',
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    body: JSON.stringify(body) as string, // undefined where there is none
    redirect: 'error', // a credential goes nowhere else
    signal: AbortSignal.timeout(deadline),
  }).catch((thrown: unknown) => {
    throw DaypassError.of(thrown)
  })
  if (!answer.ok) throw await DaypassError.from(answer)
  return answer
}

/** An address without the slashes at its end. */
export const plain = (url: string): string => url.replace(/\/+$/, '')
