import createClient, { type Client } from 'openapi-fetch'
import type { paths } from './api.gen.js'
import { DaypassError } from './errors.js'
import { type Claims, type Grant, Pass, type TokenOptions } from './pass.js'
import { Renewal } from './renewal.js'
import { Call, native, plain, post } from './request.js'
import { browser, type Known, type News, Tabs } from './tabs.js'

type Awaitable<T> = T | Promise<T>

export type DaypassOptions = {
  /** The Daypass server, such as https://pass.example.com. */
  url: string
  /**
   * Where the program keeps the pass; asked before each use, so that it may be a store which tabs share. Without it the pass
   * is kept in memory, which is the safer place.
   */
  getToken?: () => Awaitable<string | null | undefined>
  /** Told of each new pass, with what it says; null when there is none any more. */
  setToken?: (token: string | null, claims?: Partial<Claims>) => Awaitable<void>
  /** What a pass is to be, at each exchange of a credential. */
  tokenOptions?: TokenOptions | (() => Awaitable<TokenOptions>)
  /** Seconds before its end that a pass is renewed; at most half its life. Without it: a fifth of its life. */
  refreshBefore?: number
  /** There is no pass any more and no way to get one: somebody has to log in. Called once for each pass that is lost. */
  onLoginRequired?: (error: DaypassError) => void
  /** Other origins than that of `url` which may see the pass, such as https://photos.example.com. */
  origins?: readonly string[]
  /** Sends requests; that of a SenderKey or a Signer proves them. */
  fetch?: typeof fetch
}

/** What goes with one exchange: a key, a signature. */
export type Exchange = (headers?: Record<string, string>) => Promise<Grant>

/** How a program gets a pass where there is none to renew. A text is a pass that somebody else got. */
export type Login = (exchange: Exchange) => Promise<Grant | string>

/** What a backend hands to its page, in the form of Textile's clients. */
export type UserAuth = { key?: string; sig?: string; msg?: string; token?: string }

/** How long who refused a fresh pass is not sent another, in milliseconds. */
const patience = 30_000

/** Codes of 401 that speak of the pass, and not of what was sent beside it; what is not Daypass's speaks of the pass. */
const dead = /^(token_|wrong_a|unexpected_)/

/** Keeps a pass, renews it before it ends, and sends it along. */
export class Daypass {
  readonly url: string
  #options: DaypassOptions
  #send: typeof fetch
  #origins: Set<string>
  #pass: Pass | undefined
  /** What the program's store gave last; only what differs is news. */
  #seen: string | undefined
  /** Milliseconds by which the server's clock is ahead of this one; undefined until it was heard. */
  #skew: number | undefined
  #login: Login | undefined
  /** Whether a pass is renewed with itself before the login is asked. */
  #renews = true
  /** The login was asked for, and has not happened. */
  #asked = false
  /** Until when a 401 is taken as it is: fresh passes were refused too. */
  #patient = 0
  #renewal = new Renewal(() => {
    const had = this.#pass
    return this.#tabs.alone(() => this.#fresh(had))
  })
  #tabs: Tabs

  constructor(options: DaypassOptions) {
    this.#options = options
    this.url = plain(options.url)
    this.#send = options.fetch ?? native
    this.#origins = new Set([this.url, ...(options.origins ?? [])].map((address) => new URL(address).origin))
    this.#tabs = new Tabs(`daypass ${this.url}`, (news) => void this.#hear(news).catch(() => {}))
    void this.#read().catch(() => {}) // begins to renew what is there
  }

  /** Exchanges a key for passes. For development and for backends: a key in a page is everybody's. */
  withKey(key: string): this {
    if (browser()) console.warn('daypass: withKey in a page shows the key to everybody')
    return this.withLogin((exchange) => exchange({ 'api-key': key }))
  }

  /**
   * Asks a backend for what it made with its key: `{token}` is the pass, whatever comes with it; `{key, sig, msg}` without one is
   * exchanged for a pass. It is asked again before that ends.
   */
  withUserAuth(callback: () => Awaitable<UserAuth>): this {
    return this.withLogin(async (exchange) => {
      const { key, sig, msg, token } = await callback()
      if (token || !key || !sig || !msg) return token ?? ''
      return exchange({ 'x-textile-api-key': key, 'x-textile-api-sig': sig, 'x-textile-api-sig-msg': msg })
    }, false)
  }

  /**
   * Says how to get a pass where there is none to renew: an exchange with headers of one's own, or what `logIn` gives. Without `renews` it
   * is asked also where a pass could be renewed with itself. Without a login, a pass is renewed with itself or not at all.
   */
  withLogin(login?: Login, renews = true): this {
    this.#login = login
    this.#renews = renews
    this.#settle()
    return this
  }

  /** Takes a pass that somebody got: by a password, a passkey, from a backend. */
  use(pass: Grant | string): Promise<void> {
    return this.#take(this.#made(pass))
  }

  /** A pass that lives, as far as can be known here. Rejects with DaypassError where none can be had. */
  async token(): Promise<string> {
    const pass = await this.#usable()
    if (pass) return pass.token
    const error = gone()
    this.#ask(error)
    throw error
  }

  /**
   * fetch with the pass, for the server's origin and those of `origins`; requests elsewhere, and those with an Authorization of
   * their own, go out as they are. An answer of 401 to a pass gets it replaced and the request sent once more, if that can be.
   */
  fetch: typeof fetch = async (input, init) => {
    const call = new Call(input, init)
    if (!this.#origins.has(call.origin) || call.headers.has('authorization')) return call.send(this.#send)
    const pass = await this.#usable().catch((thrown: unknown) => {
      if (refusal(thrown)) return undefined
      throw thrown
    })
    const answer = await call.send(this.#send, bearer(pass))
    if (answer.status !== 401) return answer
    const error = await DaypassError.from(answer)
    if (!pass && /_missing$/.test(error.code)) this.#ask(error)
    const next = pass && (await this.#replace(pass, error))
    if (!next || !call.repeatable) return answer
    answer.body?.cancel().catch(() => {})
    const second = await call.send(this.#send, bearer(next))
    this.#patient = second.status === 401 ? Date.now() + patience : 0
    return second
  }

  /** The API of Daypass, typed by its OpenAPI document, with the pass. */
  client(): Client<paths> {
    return createClient<paths>({ baseUrl: this.url, fetch: this.fetch as (request: Request) => Promise<Response> })
  }

  /** Seconds until the end of the pass, by the server's clock as far as that is known; 0 where there is none. */
  tokenValidFor(): number {
    const { getToken } = this.#options
    const text = getToken?.()
    if (!(text instanceof Promise)) this.#adopt(text)
    return this.#pass ? Math.max(0, (this.#pass.ends - this.#now()) / 1000) : 0
  }

  /** Whether the pass is to be renewed, or is not there. */
  isTokenExpiring(): boolean {
    return !this.tokenValidFor() || this.#due(this.#pass!)
  }

  /**
   * Ends the pass and what came of it at the server, and forgets it, here and in other tabs, with the way to get another.
   * Rejects if the server could not be told; it is forgotten all the same.
   */
  async logout(): Promise<void> {
    await this.#read()
    const pass = this.#pass
    this.#login = undefined
    this.#asked = true
    await this.#drop()
    if (!pass) return
    if (pass.claims.jti) this.#tabs.tell({ old: pass.claims.jti })
    await post(this.#send, `${this.url}/v1/tokens/revoke`, { token: pass.token })
  }

  /** Stops renewing by itself, and listening to other tabs. */
  close(): void {
    this.#renewal.close()
    this.#tabs.close()
  }

  #now(): number {
    return Date.now() + (this.#skew ?? 0)
  }

  #due(pass: Pass): boolean {
    return this.#now() >= pass.due
  }

  #renewable(pass: Pass | undefined): boolean {
    return !!(this.#login ?? pass?.claims.rn)
  }

  /** The pass to use now, or undefined where somebody has to log in. */
  async #usable(): Promise<Pass | undefined> {
    await this.#read()
    const pass = this.#pass
    if (pass && !this.#due(pass)) return pass
    const ended = pass && this.#now() >= pass.ends
    if (!this.#renewable(pass)) {
      // A clock that was never compared with the server's proves nothing: let the server say.
      if (!ended || this.#skew === undefined) return pass
      await this.#lose(gone('token_expired'))
      return undefined
    }
    const renewal = this.#renewal.run()
    if (pass && !ended) {
      renewal.catch(() => this.#plan())
      return pass
    }
    await renewal
    return this.#pass
  }

  /** After a 401: the pass to try once more with, if there is one. */
  async #replace(used: Pass, error: DaypassError): Promise<Pass | undefined> {
    if (!dead.test(error.code)) return undefined
    await this.#read()
    if (this.#pass !== used) return this.#pass
    if (!this.#renewable(used)) {
      await this.#lose(error)
      return undefined
    }
    if (Date.now() < this.#patient) return undefined
    await this.#renewal.run().catch(() => {})
    return this.#pass === used ? undefined : this.#pass
  }

  /** Gets the pass after the one that there was. It runs alone, in this page and among its tabs. */
  async #fresh(had: Pass | undefined): Promise<void> {
    await this.#read()
    const pass = this.#pass
    if (pass && pass !== had && !this.#due(pass)) return // another tab was first
    // Who leaves meanwhile, or is somebody else, stays so.
    const same = () => this.#pass === pass && this.#renewable(pass)
    try {
      const next = await this.#next(pass)
      if (same()) await this.#take(this.#made(next))
    } catch (thrown) {
      if (same() && refusal(thrown)) await this.#lose(thrown)
      throw thrown
    }
  }

  async #next(pass: Pass | undefined): Promise<Grant | string> {
    if (pass?.claims.rn && (this.#renews || !this.#login)) {
      try {
        return await this.#exchange(bearer(pass))
      } catch (thrown) {
        if (!this.#login || !refusal(thrown)) throw thrown
      }
    }
    if (!this.#login) throw gone()
    const { tokenOptions } = this.#options
    return this.#login(async (headers) => this.#exchange(headers ?? {}, typeof tokenOptions === 'function' ? await tokenOptions() : tokenOptions))
  }

  async #exchange(headers: Record<string, string>, body?: TokenOptions): Promise<Grant> {
    const answer = await post(this.#send, `${this.url}/v1/tokens`, body, headers)
    const grant = (await answer.json()) as Grant
    this.#skew = undefined // it is heard anew
    return grant
  }

  #made(pass: Known | string): Pass {
    const { refreshBefore } = this.#options
    const text = typeof pass === 'string'
    const made = new Pass(text ? pass : pass.token, text ? undefined : pass.payload, refreshBefore)
    if (!made.token) throw gone()
    // It was issued just now, or before. A text out of a store tells only of a clock that is behind.
    const floor = this.#skew ?? (text ? 0 : -Infinity)
    const heard = (made.claims.iat ?? 0) * 1000 + 500 - Date.now()
    if (made.claims.iat && heard > floor) this.#skew = heard
    return made
  }

  /** Asks the program's store, which may have been changed by another tab or by the program. */
  async #read(): Promise<void> {
    this.#adopt(await this.#options.getToken?.())
  }

  #adopt(text?: string | null): void {
    text ||= undefined
    if (text === this.#seen) return
    this.#seen = text
    if (text === this.#pass?.token) return
    this.#pass = text ? this.#made(text) : undefined
    if (text) this.#settle()
  }

  /** Keeps a new pass and tells of it. */
  async #take(pass: Pass): Promise<void> {
    const old = this.#pass
    const now = this.#now()
    // One that is due already, as a cached answer may be, does not have the next asked for at once.
    pass.due = Math.max(pass.due, now + Math.max(1000, (pass.ends - now) / 4))
    this.#pass = pass
    this.#settle()
    await this.#options.setToken?.(pass.token, pass.claims)
    if (old?.claims.jti) this.#tabs.tell({ old: old.claims.jti, grant: { token: pass.token, payload: pass.claims } })
  }

  /** There is a new pass, or a new way to get one. */
  #settle(): void {
    this.#asked = false
    this.#renewal.forgive()
    this.#plan()
  }

  #plan(): void {
    const pass = this.#pass
    if (!pass) return
    // Timers may be a little early.
    const moment = this.#renewable(pass) ? pass.due : pass.ends
    this.#renewal.plan(Math.max(moment - this.#now() + 50, this.#renewal.wait), () => void this.#usable().catch(() => this.#plan()))
  }

  async #hear({ old, grant }: News): Promise<void> {
    if (old !== this.#pass?.claims.jti) return
    if (grant) return this.#take(this.#made(grant))
    this.#login = undefined
    await this.#lose(gone('logged_out'))
  }

  async #lose(error: DaypassError): Promise<void> {
    await this.#drop()
    this.#ask(error)
  }

  async #drop(): Promise<void> {
    this.#pass = undefined
    this.#renewal.plan(0)
    await this.#options.setToken?.(null)
  }

  #ask(error: DaypassError): void {
    if (this.#asked) return
    this.#asked = true
    this.#options.onLoginRequired?.(error)
  }
}

/** Why there is no pass any more. */
const gone = (code = 'login_required'): DaypassError => new DaypassError(401, { code, detail: 'log in again' })

/** Whether the server said no, so that asking again with the same is pointless. */
const refusal = (thrown: unknown): thrown is DaypassError => thrown instanceof DaypassError && (thrown.status === 401 || thrown.status === 403)

const bearer = (pass: Pass | undefined): Record<string, string> => (pass ? { authorization: `Bearer ${pass.token}` } : {})
