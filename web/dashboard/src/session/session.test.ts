import { beforeEach, describe, expect, test } from 'vitest'
import type { Claims } from './schemas'
import { claims, due, type News, Session, type World } from './session'

const day = 86_400
const born = 1_800_000_000

/** A server as far as sessions go: what passes live, what the cookie holds, what was asked. */
class Server {
  live = new Map<string, Claims>()
  cookie: string | undefined
  asked: string[] = []
  refreshes = new Map<string, string>()
  keeps = true // false: plain http, where the cookie cannot be set
  down = false
  now = born
  /** Happens before a request is looked at. */
  before: ((request: string) => Promise<void>) | undefined
  #made = 0

  pass(life = 3 * day, rn = true): string {
    const token = `pass-${++this.#made}`
    this.live.set(token, { iat: this.now, exp: this.now + life, rn, org: 'acme' } as Claims)
    return token
  }

  entry(life?: number, rn?: boolean) {
    const token = this.pass(life, rn)
    return { token, payload: this.live.get(token)! }
  }

  fetch: typeof fetch = async (input, init) => {
    const path = input instanceof Request ? new URL(input.url).pathname : String(input)
    const headers = new Headers(input instanceof Request ? input.headers : init?.headers)
    const method = (input instanceof Request ? input.method : init?.method) ?? 'GET'
    this.asked.push(`${method} ${path}`)
    await this.before?.(`${method} ${path}`)
    if (this.down) throw new TypeError('fetch failed')
    const token = headers.get('authorization')?.replace('Bearer ', '')
    if (path === '/v1/session' && method === 'GET') {
      return this.cookie && this.live.has(this.cookie) ? answer(200, { token: this.cookie, payload: this.live.get(this.cookie) }) : new Response(null, { status: 204 })
    }
    if (path === '/auth/token/refresh') {
      const { refresh_token } = JSON.parse(String(init?.body)) as { refresh_token: string }
      const next = this.refreshes.get(refresh_token)
      if (!next) return problem(401, 'refresh_token_invalid')
      this.refreshes.delete(refresh_token)
      const fresh = this.pass(3600, false)
      const text = `e30.${btoa(JSON.stringify(this.live.get(fresh)))}.`
      this.live.set(text, this.live.get(fresh)!)
      return answer(200, { token: text, refresh_token: next })
    }
    if (!token || !this.live.has(token)) return problem(401, 'token_revoked')
    if (path.startsWith('/v1/session') && method === 'PUT') {
      if (!this.keeps) return problem(400, 'insecure_origin')
      this.cookie = token
      return new Response(null, { status: 204 })
    }
    if (path.startsWith('/v1/session') && method === 'DELETE') {
      if (path.endsWith('everywhere=true')) this.live.clear()
      else this.live.delete(token)
      this.cookie = undefined
      return new Response(null, { status: 204 })
    }
    if (path === '/v1/tokens') return answer(200, this.entry())
    return answer(200, { token })
  }
}

const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
const problem = (status: number, code: string) => answer(status, { type: `/docs/errors#${code}`, title: 'Unauthorized', status, code, detail: code })

let server: Server
let told: News[]
let queue: Promise<unknown>

beforeEach(() => {
  server = new Server()
  told = []
  queue = Promise.resolve()
})

/** One more tab of the same browser: they share the server's cookie, and work alone one after the other. */
function tab(): Session {
  const world: World = {
    fetch: server.fetch,
    now: () => server.now * 1000,
    alone: (work) => {
      const done = queue.then(work)
      queue = done.catch(() => undefined)
      return done
    },
    tell: (news) => told.push(news),
  }
  return new Session(world)
}

const token = (session: Session) => (session.state.phase === 'in' ? session.state.token : undefined)
const asks = (what: string) => server.asked.filter((one) => one === what).length

describe('a pass is due', () => {
  test.each([
    ['a three-day pass, not in its first day', 3 * day, day - 60, false],
    ['a three-day pass, after a day', 3 * day, day + 60, true],
    ['an hour, at first', 3600, 600, false],
    ['an hour, after two thirds', 3600, 2500, true],
    ['a clock that runs behind', 3600, -600, false],
  ])('%s', (_, life, age, expected) => expect(due({ iat: born, exp: born + life }, (born + age) * 1000)).toBe(expected))
})

test('a reload finds the pass again, by one question', async () => {
  await tab().enter(server.entry())
  const reloaded = tab()
  await Promise.all([reloaded.start(), reloaded.start()])
  expect(reloaded.state).toMatchObject({ phase: 'in', lasting: true, token: 'pass-1' })
  expect(asks('GET /v1/session')).toBe(1)
})

test('where the cookie cannot be set the session is there and says that it will not last', async () => {
  server.keeps = false
  const session = tab()
  await session.enter(server.entry())
  expect(session.state).toMatchObject({ phase: 'in', lasting: false })
})

test('without a cookie nobody is logged in, and a server that is down is told', async () => {
  const session = tab()
  await session.start()
  expect(session.state).toEqual({ phase: 'out' })
  server.down = true
  const other = tab()
  await other.start()
  expect(other.state).toMatchObject({ phase: 'out', problem: { code: 'unreachable' } })
})

test('requests carry the pass; a dead one ends the session with the reason', async () => {
  const session = tab()
  await session.enter(server.entry())
  expect(await (await session.fetch('http://daypass.example/v1/me')).json()).toEqual({ token: 'pass-1' })
  server.live.clear()
  expect((await session.fetch('http://daypass.example/v1/me')).status).toBe(401)
  expect(session.state).toMatchObject({ phase: 'out', problem: { code: 'token_revoked' } })
})

test('a 401 about another credential than ours ends nothing', async () => {
  const session = tab()
  await session.enter(server.entry())
  await session.fetch('http://daypass.example/v1/me', { headers: { authorization: 'Bearer pasted' } })
  expect(session.state.phase).toBe('in')
})

test('renewed after a day, by one request over many calls and two tabs', async () => {
  const one = tab()
  const two = tab()
  await one.enter(server.entry())
  await two.start()
  await Promise.all([one.renew(), two.renew()])
  expect(asks('POST /v1/tokens')).toBe(0)
  server.now += day + 1
  await Promise.all([one.renew(), one.renew(), two.renew(), two.renew()])
  expect(asks('POST /v1/tokens')).toBe(1)
  expect(token(one)).toBe('pass-2')
  expect(token(two)).toBe('pass-2')
})

test('a request under way while the pass was renewed is made again with the new one', async () => {
  const session = tab()
  await session.enter(server.entry())
  server.before = async (request) => {
    if (request !== 'GET /v1/me') return
    server.before = undefined
    server.live.delete('pass-1')
    await session.enter(server.entry())
  }
  expect(await (await session.fetch('http://daypass.example/v1/me')).json()).toEqual({ token: 'pass-2' })
  expect(session.state.phase).toBe('in')
})

test('a login without a key renews by its refresh token, each of which is spent once', async () => {
  const session = tab()
  server.refreshes.set('dpr_1', 'dpr_2').set('dpr_2', 'dpr_3')
  await session.enter({ ...server.entry(3600, false), refresh: 'dpr_1' })
  for (const spent of ['dpr_1', 'dpr_2']) {
    server.now += 3000
    await session.renew()
    expect(session.state.phase).toBe('in')
    expect(server.refreshes.has(spent)).toBe(false)
  }
  server.now += 3000
  await session.renew() // dpr_3 is not known: the session has ended elsewhere
  expect(session.state).toMatchObject({ phase: 'out', problem: { code: 'refresh_token_invalid' } })
})

test('a renewal that gets no answer is tried again, and ends nothing', async () => {
  const session = tab()
  await session.enter(server.entry())
  server.now += day + 1
  server.down = true
  await session.renew()
  expect(token(session)).toBe('pass-1')
  server.down = false
  await session.renew()
  expect(token(session)).toBe('pass-2')
})

test('logging out ends the pass and tells the other tabs; everywhere ends them all', async () => {
  const session = tab()
  await session.enter(server.entry())
  const elsewhere = server.pass()
  await session.leave()
  expect(session.state).toEqual({ phase: 'out' })
  expect(server.live.has('pass-1')).toBe(false)
  expect(server.live.has(elsewhere)).toBe(true)
  expect(told).toEqual(['changed', 'left'])

  await session.enter(server.entry())
  await session.leave({ everywhere: true })
  expect(server.live.size).toBe(0)
})

test('a logout that the server did not hear of is not pretended', async () => {
  const session = tab()
  await session.enter(server.entry())
  server.down = true
  await expect(session.leave()).rejects.toThrow()
  expect(session.state.phase).toBe('in')
})

test('claims are read as UTF-8', () => {
  const bytes = new TextEncoder().encode(JSON.stringify({ sub: 'Zoë', org: 'acme' }))
  const part = btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  expect(claims(`e30.${part}.x`)).toEqual({ sub: 'Zoë', org: 'acme' })
})
