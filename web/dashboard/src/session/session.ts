import { type Claims, Daypass, DaypassError, type Grant, type Login, readClaims } from '@daypass/client'
import { Problem } from './problem'
import type { Schemas } from './schemas'

export type State =
  | { phase: 'starting' }
  /** Nobody is logged in; `problem` says why where somebody was. */
  | { phase: 'out'; problem?: Problem }
  /** `lasting`: a reload of the page does not log out. */
  | { phase: 'in'; token: string; payload: Claims; lasting: boolean }

/** What a login answers: with the pass a refresh token where it was not a key that logged in. */
export type Entry = { pass: Grant | string; refresh?: string }

/** Seconds before its end that a pass of three days is renewed; it is half of a shorter life at most. */
const early = 2 * 86_400

/**
 * Who is logged in. The client library holds the pass, in memory alone, renews it and tells the other tabs. The server keeps it in a
 * cookie that is no credential anywhere but at `/v1/session`, so that a reload finds it again.
 */
export class Session {
  state: State = { phase: 'starting' }
  readonly #daypass: Daypass
  readonly #send: typeof fetch
  #lasting = false
  #listeners = new Set<() => void>()
  #start: Promise<void> | undefined

  constructor(url: string, send: typeof fetch) {
    this.#send = send
    this.#daypass = new Daypass({
      url,
      fetch: send,
      refreshBefore: early,
      setToken: (token, claims) => this.#set(token ? { phase: 'in', token, payload: claims as Claims, lasting: this.#lasting } : { phase: 'out' }),
      onLoginRequired: (error) => this.#out(error),
    })
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Asks the server for the pass in the cookie, once. Never rejects. */
  start(): Promise<void> {
    return (this.#start ??= this.restore())
  }

  /** Asks the server for the pass in the cookie: at the start, and where another tab may have logged in since. Never rejects. */
  async restore(): Promise<void> {
    try {
      const answer = await this.#kept('GET')
      if (this.state.phase === 'in') return // somebody logged in meanwhile
      if (answer.status === 204) return this.#set({ phase: 'out' })
      if (answer.ok) {
        const { token, renews } = (await answer.json()) as Kept
        return await this.#take(token, renews) // its text alone: made long ago, it says nothing of the clocks
      }
      const error = await DaypassError.from(answer)
      if (error.code !== 'session_due') throw error
      this.#lasting = true
      await this.#daypass.withLogin(this.#renew, false).token()
    } catch (error) {
      if (this.state.phase !== 'in') this.#out(error)
    }
  }

  /** Takes a fresh pass and has it kept. The session is there even if that fails; it then ends with the page. */
  async enter({ pass, refresh }: Entry): Promise<void> {
    this.#start ??= Promise.resolve()
    const token = typeof pass === 'string' ? pass : pass.token
    if (await this.#keep(token, refresh)) return this.#take(pass, !!refresh || !!readClaims(token).rn)
    this.#lasting = false
    await this.#daypass.withLogin(refresh ? this.#refreshing(refresh) : undefined, false).use(pass)
  }

  /** Ends the pass, or with `everywhere` every pass of the key or login that it came from. */
  async leave({ everywhere = false } = {}): Promise<void> {
    if (this.state.phase !== 'in') return
    const token = await this.#daypass.token()
    const answer = await this.#kept('DELETE', everywhere ? '?everywhere=true' : '', { authorization: `Bearer ${token}` })
    if (!answer.ok && answer.status !== 401) throw await Problem.from(answer)
    await this.#daypass.logout().catch(() => undefined) // forgets the pass here and in the other tabs; the server has ended it
  }

  /** The API, typed by api/openapi.yaml, with the pass. Use it with `ok`. */
  client(): ReturnType<Daypass['client']> {
    return this.#daypass.client()
  }

  /** fetch with the pass. A pass that the server does not take any more is replaced, or ends the session. */
  fetch: typeof fetch = (input, init) => this.#daypass.fetch(input, init)

  /** Whether a reload will find it. */
  async #keep(token: string, refresh: string | undefined): Promise<boolean> {
    const body = refresh && JSON.stringify({ refresh_token: refresh })
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
    const answer = await this.#kept('PUT', '', headers, body).catch(() => undefined)
    return answer?.ok ?? false
  }

  async #take(pass: Grant | string, renews: boolean): Promise<void> {
    this.#lasting = true
    await this.#daypass.withLogin(renews ? this.#renew : undefined, false).use(pass)
  }

  /** The server renews the pass in its cookie. It is done even if the page is left meanwhile: a refresh token is good once. */
  #renew: Login = async () => {
    const answer = await this.#kept('POST')
    if (!answer.ok) throw await DaypassError.from(answer)
    const { token, payload } = (await answer.json()) as Kept
    // What is shown here is of who was logged in; whoever took their place in another tab begins with an empty page.
    if (this.state.phase === 'in' && this.state.payload.uid !== payload.uid) throw new DaypassError(401, { code: 'login_replaced', detail: 'somebody else logged in, in another tab.' })
    return token
  }

  /** Renews where no cookie can be set: the refresh token lives as long as the page. */
  #refreshing(refresh: string): Login {
    return async () => {
      const answer = await this.#send('/auth/token/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ refresh_token: refresh }) })
      if (!answer.ok) throw await DaypassError.from(answer)
      const next = (await answer.json()) as Schemas['LoggedIn']
      refresh = next.refresh_token
      return next.token
    }
  }

  #kept(method: string, query = '', headers: Record<string, string> = {}, body?: string): Promise<Response> {
    return this.#send(`/v1/session${query}`, { method, headers: { 'daypass-session': '1', ...headers }, cache: 'no-store', keepalive: true, ...(body && { body }) })
  }

  #out(error: unknown): void {
    const problem = Problem.of(error)
    this.#set(problem.code === 'logged_out' ? { phase: 'out' } : { phase: 'out', problem })
  }

  #set(state: State): void {
    this.state = state
    for (const listener of this.#listeners) listener()
  }
}

type Kept = Schemas['DashboardSession']
