import type { Claims, Grant } from '@daypass/client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Session } from './session'

const day = 86_400
const url = 'https://pass.example.com'

/** A server as far as sessions go: what passes live, what the cookie holds, what was asked. */
class Server {
  live = new Set<string>()
  cookie: { pass: string; refresh?: string } | undefined
  refresh: string | undefined // the one that is good
  asked: string[] = []
  keeps = true // false: plain http, where the cookie cannot be set
  down = false
  #made = 0

  user = 'usr_1'

  pass(life = 3 * day, rn = true): Grant {
    const iat = Math.floor(Date.now() / 1000)
    const payload = { iat, exp: iat + life, rn, org: 'acme', uid: this.user, jti: `tok_${++this.#made}` } as Claims
    const token = `e30.${btoa(JSON.stringify(payload))}.`
    this.live.add(token)
    return { token, payload } as Grant
  }

  /** What a login by password answers. */
  login() {
    this.refresh = `dpr_${++this.#made}`
    return { pass: this.pass(3600, false).token, refresh: this.refresh }
  }

  fetch: typeof fetch = async (input, init) => {
    const { pathname, search } = new URL(String(input instanceof Request ? input.url : input), url)
    const headers = new Headers(init?.headers)
    const method = init?.method ?? 'GET'
    this.asked.push(`${method} ${pathname}`)
    if (this.down) throw new TypeError('fetch failed')
    if (pathname === '/v1/session' && headers.get('daypass-session') !== '1') return problem(403, 'session_same_origin')
    const token = headers.get('authorization')?.replace('Bearer ', '')
    const known = token && this.good(token)
    switch (`${method} ${pathname}`) {
      case 'GET /v1/session':
        if (!this.cookie) return new Response(null, { status: 204 })
        if (!this.good(this.cookie.pass)) return problem(401, this.cookie.refresh ? 'session_due' : 'token_expired')
        return answer(200, { token: this.cookie.pass, payload: {}, renews: true })
      case 'POST /v1/session':
        if (!this.cookie) return problem(401, 'session_missing')
        if (this.cookie.refresh && this.cookie.refresh !== this.refresh) return problem(401, 'refresh_token_invalid')
        if (this.cookie.refresh) this.cookie = { ...this.login() }
        else this.cookie = { pass: this.pass().token }
        return answer(200, { token: this.cookie.pass, payload: { uid: this.user }, renews: true })
      case 'PUT /v1/session':
        if (!known) return problem(401, 'token_revoked')
        if (!this.keeps) return problem(422, 'session_pass_required')
        this.cookie = { pass: token, ...(init?.body ? { refresh: (JSON.parse(String(init.body)) as { refresh_token: string }).refresh_token } : {}) }
        return new Response(null, { status: 204 })
      case 'DELETE /v1/session':
        if (search === '?everywhere=true') this.live.clear()
        else if (known) this.live.delete(token)
        this.cookie = undefined
        return new Response(null, { status: 204 })
      case 'POST /auth/token/refresh':
        if ((JSON.parse(String(init?.body)) as { refresh_token: string }).refresh_token !== this.refresh) return problem(401, 'refresh_token_invalid')
        return answer(200, { token: this.login().pass, refresh_token: this.refresh })
      case 'POST /v1/tokens/revoke':
        return new Response(null, { status: 200 })
    }
    if (!known) return problem(401, 'token_revoked')
    return pathname === '/v1/tokens' ? answer(200, this.pass()) : answer(200, { token })
  }

  good(token: string): boolean {
    const { exp } = JSON.parse(atob(token.split('.')[1]!)) as Claims
    return this.live.has(token) && exp * 1000 > Date.now()
  }
}

const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
const problem = (status: number, code: string) => answer(status, { type: `/docs/errors#${code}`, title: 'Unauthorized', status, code, detail: code })

let server: Server

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-01-05T09:30:00Z') })
  server = new Server()
})
afterEach(() => void vi.useRealTimers())

const open = () => new Session(url, server.fetch)
const pass = (session: Session) => (session.state.phase === 'in' ? session.state.payload.jti : undefined)
const asks = (what: string) => server.asked.filter((one) => one === what).length
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000)

test('a reload finds the pass again, by one question', async () => {
  await open().enter({ pass: server.pass() })
  const reloaded = open()
  await Promise.all([reloaded.start(), reloaded.start()])
  expect(reloaded.state).toMatchObject({ phase: 'in', lasting: true, payload: { jti: 'tok_1', org: 'acme' } })
  expect(asks('GET /v1/session')).toBe(1)
})

test('without a cookie nobody is logged in, and a server that is down is told', async () => {
  const session = open()
  await session.start()
  expect(session.state).toEqual({ phase: 'out' })
  server.down = true
  const other = open()
  await other.start()
  expect(other.state).toMatchObject({ phase: 'out', problem: { code: 'unreachable' } })
})

test('an answer that comes after a login does not log out', async () => {
  for (const late of [new Response(null, { status: 204 }), problem(500, 'internal')]) {
    let answers = (_: Response) => {}
    const session = new Session(url, (input, init) => (!init?.method || init.method === 'GET' ? new Promise((done) => (answers = done)) : server.fetch(input, init)))
    const restored = session.restore()
    await session.enter({ pass: server.pass() })
    answers(late)
    await restored
    expect(session.state).toMatchObject({ phase: 'in' })
  }
})

test('who is replaced in another tab does not become the other', async () => {
  const session = open()
  await session.enter({ pass: server.pass() })
  server.user = 'usr_2'
  await open().enter({ pass: server.pass() })
  await seconds(1.6 * day)
  expect(session.state).toMatchObject({ phase: 'out', problem: { code: 'login_replaced' } })
})

test('a dead pass ends the session with the reason', async () => {
  const session = open()
  await session.enter({ pass: server.pass() })
  expect(await (await session.fetch(`${url}/v1/me`)).json()).toMatchObject({ token: expect.any(String) })
  server.live.clear()
  server.cookie = undefined
  expect((await session.fetch(`${url}/v1/me`)).status).toBe(401)
  expect(session.state).toMatchObject({ phase: 'out', problem: { code: 'session_missing' } })
})

test('a login by key is renewed after a day, by the server in its cookie', async () => {
  const session = open()
  await session.enter({ pass: server.pass() })
  await seconds(day)
  expect(asks('POST /v1/session')).toBe(0)
  await seconds(day)
  expect(asks('POST /v1/session')).toBe(1)
  expect(pass(session)).toBe('tok_2')
  await seconds(10 * day)
  expect(session.state.phase).toBe('in')
})

test('a login by password goes on after its pass has ended, also over a reload', async () => {
  await open().enter(server.login())
  vi.setSystemTime(Date.now() + 2 * 3_600_000) // the browser was closed meanwhile
  const reloaded = open()
  await reloaded.start()
  expect(reloaded.state).toMatchObject({ phase: 'in', lasting: true, payload: { jti: expect.not.stringMatching(/^tok_2$/) } })
  await seconds(5 * 3600)
  expect(reloaded.state.phase).toBe('in')
  expect(asks('POST /auth/token/refresh')).toBe(0) // the page never has the refresh token again

  server.refresh = undefined // ended elsewhere
  await seconds(3600)
  expect(reloaded.state).toMatchObject({ phase: 'out', problem: { code: 'refresh_token_invalid' } })
})

test('where the cookie cannot be set the session lives and renews as long as the page', async () => {
  server.keeps = false
  for (const entry of [{ pass: server.pass(3600) }, server.login()]) {
    const session = open()
    await session.enter(entry)
    expect(session.state).toMatchObject({ phase: 'in', lasting: false })
    const first = pass(session)
    await seconds(3 * 3600)
    expect(session.state).toMatchObject({ phase: 'in', lasting: false })
    expect(pass(session)).not.toBe(first)
  }
  expect(asks('POST /v1/session')).toBe(0)
})

test('a renewal that gets no answer is tried again, and ends nothing', async () => {
  const session = open()
  await session.enter({ pass: server.pass() })
  server.down = true
  await seconds(2 * day)
  expect(pass(session)).toBe('tok_1')
  server.down = false
  await seconds(120)
  expect(pass(session)).toBe('tok_2')
})

test('logging out ends the pass at the server; everywhere ends them all', async () => {
  const session = open()
  await session.enter({ pass: server.pass() })
  const { token } = server.pass()
  await session.leave()
  expect(session.state).toEqual({ phase: 'out' })
  expect([...server.live]).toEqual([token])
  expect(server.cookie).toBeUndefined()

  await session.enter({ pass: server.pass() })
  await session.leave({ everywhere: true })
  expect(server.live.size).toBe(0)
})

test('a logout that the server did not hear of is not pretended', async () => {
  const session = open()
  await session.enter({ pass: server.pass() })
  server.down = true
  await expect(session.leave()).rejects.toThrow()
  expect(session.state.phase).toBe('in')
})
