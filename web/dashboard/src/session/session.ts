import { Problem } from './problem'
import type { Claims, Grant, Schemas } from './schemas'

/** A day, in seconds: passes older than that are renewed. */
const day = 86_400

export type State =
  | { phase: 'starting' }
  /** Nobody is logged in; `problem` says why where somebody was. */
  | { phase: 'out'; problem?: Problem }
  /** `lasting`: a reload of the page does not log out. */
  | { phase: 'in'; token: string; payload: Claims; lasting: boolean }

/** What a login answers: with the pass a refresh token where it was not a key that logged in. */
export type Entry = { token: string; payload: Claims; refresh?: string }

/** The world around a session; a test has its own. */
export type World = {
  fetch: typeof fetch
  /** Milliseconds. */
  now: () => number
  /** Runs one at a time among the tabs of this browser. */
  alone: <T>(work: () => Promise<T>) => Promise<T>
  /** Tells the other tabs that the cookie changed. */
  tell: (news: News) => void
}

export type News = 'changed' | 'left'

/** When a pass is due for another: after a day, or two thirds of a life shorter than that. */
export function due(payload: Pick<Claims, 'iat' | 'exp'>, now: number): boolean {
  const life = payload.exp - payload.iat
  return now / 1000 - payload.iat > Math.min(day, (life * 2) / 3)
}

/**
 * Holds the pass, in memory alone. The server keeps it in a cookie that is no
 * credential anywhere but at `GET /v1/session`, so that a reload finds it again.
 */
export class Session {
  state: State = { phase: 'starting' }
  #world: World
  #refresh: string | undefined
  #listeners = new Set<() => void>()
  #start: Promise<void> | undefined
  #renewal: Promise<void> | undefined

  constructor(world: World) {
    this.#world = world
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Asks the server for the pass in the cookie, once. Never rejects. */
  start(): Promise<void> {
    return (this.#start ??= this.restore())
  }

  /** Asks the server for the pass in the cookie: at the start, and when another tab changed it. */
  async restore(): Promise<void> {
    try {
      const kept = await this.#kept()
      this.#set(kept ? { phase: 'in', ...kept, lasting: true } : { phase: 'out' })
    } catch (error) {
      if (this.state.phase === 'starting') this.#set({ phase: 'out', problem: Problem.of(error) })
    }
  }

  /** Takes a fresh pass and puts it into the cookie. The session is there even if that fails; it then ends with the page. */
  async enter(entry: Entry): Promise<void> {
    this.#start ??= Promise.resolve()
    this.#refresh = entry.refresh
    const lasting = await this.#keep(entry.token)
    this.#set({ phase: 'in', token: entry.token, payload: entry.payload, lasting })
    this.#world.tell('changed')
  }

  /** Ends the pass, or with `everywhere` every pass of the key or login that it came from. */
  async leave({ everywhere = false } = {}): Promise<void> {
    const token = this.#token()
    if (!token) return
    const answer = await this.#world.fetch(everywhere ? '/v1/session?everywhere=true' : '/v1/session', {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}`, 'daypass-session': '1' },
    })
    if (!answer.ok && answer.status !== 401 && answer.status !== 404) throw await Problem.from(answer)
    if (answer.status === 404) await this.#revoke(token)
    this.drop()
    this.#world.tell('left')
  }

  /** Forgets the pass. */
  drop(problem?: Problem): void {
    this.#refresh = undefined
    this.#set(problem ? { phase: 'out', problem } : { phase: 'out' })
  }

  /**
   * fetch with the pass. A pass that the server does not take any more ends the session;
   * where it was renewed in the meantime the request is made again.
   */
  fetch: typeof fetch = async (input, init) => {
    const token = this.#token()
    const request = new Request(input, init)
    if (request.headers.has('authorization')) return this.#world.fetch(request) // whoever sets one means another credential
    const again = request.clone()
    const answer = await this.#world.fetch(bearing(request, token))
    if (answer.status !== 401 || !token) return answer
    const fresh = this.#token()
    if (fresh && fresh !== token) return this.#world.fetch(bearing(again, fresh))
    const problem = await Problem.from(answer.clone())
    if (ended.test(problem.code)) this.drop(problem)
    return answer
  }

  /** Renews the pass if it is due. Many calls at once make one renewal, also over several tabs. */
  renew(): Promise<void> {
    const { state } = this
    if (state.phase !== 'in' || !due(state.payload, this.#world.now())) return Promise.resolve()
    if (!state.payload.rn && !this.#refresh) return Promise.resolve()
    return (this.#renewal ??= this.#world
      .alone(() => this.#renew())
      .catch((error: unknown) => {
        const problem = Problem.of(error)
        if (problem.status === 401) this.drop(problem) // else the next tick tries again
      })
      .finally(() => {
        this.#renewal = undefined
      }))
  }

  async #renew(): Promise<void> {
    // Another tab may have been first; a refresh token is this tab's own.
    const kept = this.#refresh ? undefined : await this.#kept().catch(() => undefined)
    if (kept && !due(kept.payload, this.#world.now())) {
      this.#set({ phase: 'in', ...kept, lasting: true })
      return
    }
    const token = this.#token()
    if (!token) return
    await this.enter(this.#refresh ? await this.#refreshed(this.#refresh) : await this.#renewed(token))
  }

  async #renewed(token: string): Promise<Entry> {
    const answer = await this.#world.fetch('/v1/tokens', { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    if (!answer.ok) throw await Problem.from(answer)
    return (await answer.json()) as Grant
  }

  async #refreshed(refresh: string): Promise<Entry> {
    const answer = await this.#world.fetch('/auth/token/refresh', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh_token: refresh }),
    })
    if (!answer.ok) throw await Problem.from(answer)
    return entryOf((await answer.json()) as Schemas['LoggedIn'])
  }

  async #kept(): Promise<{ token: string; payload: Claims } | undefined> {
    const answer = await this.#world.fetch('/v1/session', { headers: { 'daypass-session': '1' }, cache: 'no-store' })
    if ([204, 401, 404].includes(answer.status)) {
      await answer.body?.cancel()
      return undefined
    }
    if (!answer.ok) throw await Problem.from(answer)
    return (await answer.json()) as { token: string; payload: Claims }
  }

  async #keep(token: string): Promise<boolean> {
    try {
      const answer = await this.#world.fetch('/v1/session', { method: 'PUT', headers: { authorization: `Bearer ${token}` } })
      return answer.ok
    } catch {
      return false
    }
  }

  async #revoke(token: string): Promise<void> {
    await this.#world.fetch('/v1/tokens/revoke', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    })
  }

  #token(): string | undefined {
    return this.state.phase === 'in' ? this.state.token : undefined
  }

  #set(state: State): void {
    this.state = state
    for (const listener of this.#listeners) listener()
  }
}

/** Codes that speak of the pass; others, such as login_invalid, speak of what was sent along. */
const ended = /^(token_|session_|credential_|key_|wrong_address|user_disabled|membership_inactive|organization_disabled)/

function bearing(request: Request, token: string | undefined): Request {
  if (token) request.headers.set('authorization', `Bearer ${token}`)
  return request
}

/** What a login by password or passkey answers, as an Entry. */
export function entryOf(login: Schemas['LoggedIn']): Entry {
  return { token: login.token, payload: claims(login.token), refresh: login.refresh_token }
}

/** What a pass says, unchecked: this is the server's own answer. */
export function claims(token: string): Claims {
  const part = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
  const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0))
  return JSON.parse(new TextDecoder().decode(bytes)) as Claims
}
