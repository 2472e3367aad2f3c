import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Daypass, type DaypassOptions } from '../src/index.js'
import { Issuer, problem } from './issuer.js'

const url = 'https://pass.example.com'
const api = `${url}/photos`
const minute = 60_000
let issuer: Issuer
let made: Daypass[]

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-01-05T09:30:00Z') })
  issuer = new Issuer()
  made = []
})
afterEach(() => {
  for (const daypass of made) daypass.close()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function daypass(options: Partial<DaypassOptions> = {}): Daypass {
  const one = new Daypass({ url, fetch: issuer.fetch, ...options })
  made.push(one)
  return one
}

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000)

describe('when', () => {
  test('a pass is renewed by itself in the last quarter of its life', async () => {
    const one = daypass().withKey('dp_k')
    await one.token()
    await seconds(749)
    expect(issuer.exchanges).toHaveLength(1)
    await seconds(52)
    expect(issuer.exchanges).toHaveLength(2)
    expect(issuer.exchanges[1]).toMatch(/^e30\./) // with itself, not the key
    expect(one.isTokenExpiring()).toBe(false)
  })

  test('or as long before its end as was said, at most half its life', async () => {
    await daypass({ refreshBefore: 60 }).withKey('dp_k').token()
    await seconds(924)
    expect(issuer.exchanges).toHaveLength(1)
    await seconds(17)
    expect(issuer.exchanges).toHaveLength(2)

    issuer.exchanges = []
    await daypass({ refreshBefore: 3600 }).withKey('dp_k').token()
    await seconds(370)
    expect(issuer.exchanges.filter((key) => key === 'dp_k')).toHaveLength(1)
    expect(issuer.exchanges.length).toBeLessThanOrEqual(2) // the other one's renewal may be among them
  })

  test('many clients do not come at once', async () => {
    for (let i = 0; i < 50; i++) await daypass().withKey('dp_k').token()
    const at: number[] = []
    issuer.exchanges = []
    for (let second = 0; second < 60; second++) {
      await seconds(second ? 1 : 745)
      at.push(issuer.exchanges.length)
    }
    expect(at.at(-1)).toBe(50)
    const most = Math.max(...at.map((count, i) => count - (at[i - 1] ?? 0)))
    expect(most).toBeLessThan(10)
  })

  test('while it is renewed, whoever comes gets the one that lives', async () => {
    const one = daypass().withKey('dp_k')
    const first = await one.token()
    issuer.delay = 100_000
    await seconds(805)
    expect(issuer.exchanges).toHaveLength(2)
    expect(await one.token()).toBe(first)
    await seconds(100)
    expect(await one.token()).not.toBe(first)
  })

  test('fifty callers without a pass cause one exchange', async () => {
    issuer.delay = 50
    const one = daypass().withKey('dp_k')
    const all = Promise.all(Array.from({ length: 50 }, () => one.token()))
    await seconds(1)
    expect(new Set(await all).size).toBe(1)
    expect(issuer.exchanges).toHaveLength(1)
  })

  test('a pass that ends at once, or is due when it comes, makes no storm', async () => {
    issuer.life = 1
    const one = daypass().withKey('dp_k')
    await one.token()
    await seconds(60)
    expect(issuer.exchanges.length).toBeLessThan(70)

    const cached = issuer.pass(990)
    let asked = 0
    const two = daypass().withUserAuth(() => (asked++, { token: cached.token }))
    for (let i = 0; i < 100; i++) await two.token()
    await seconds(5)
    expect(asked).toBeLessThan(8)
  })
})

describe('clocks', () => {
  test.each([
    ['ahead', -3 * 3600_000],
    ['behind', 3 * 3600_000],
  ])('one that is three hours %s changes nothing', async (_, ahead) => {
    issuer.ahead = ahead
    const one = daypass().withKey('dp_k')
    await one.token()
    expect(one.tokenValidFor()).toBeGreaterThan(998)
    expect(one.tokenValidFor()).toBeLessThan(1002)
    await seconds(740)
    expect(issuer.exchanges).toHaveLength(1)
    await seconds(65)
    expect(issuer.exchanges).toHaveLength(2)
  })

  test('nor for passes out of a store', async () => {
    issuer.ahead = -3 * 3600_000 // of this clock it has ended long ago
    const { token } = issuer.pass()
    issuer.renewable = false
    const plain = issuer.pass().token
    const onLoginRequired = vi.fn()
    const one = daypass({ getToken: () => plain, onLoginRequired })
    await seconds(5)
    expect(await one.token()).toBe(plain) // the server is to say that it has ended
    expect(onLoginRequired).not.toHaveBeenCalled()
    issuer.renewable = true
    let store: string | null = token
    const two = daypass({ getToken: () => store, setToken: (next) => void (store = next) })
    await seconds(1)
    expect(issuer.exchanges).toHaveLength(1)
    expect(two.tokenValidFor()).toBeGreaterThan(990)

    issuer.ahead = 3 * 3600_000
    const three = daypass({ getToken: () => issuer.pass().token })
    expect(three.tokenValidFor()).toBeGreaterThan(990)
    expect(three.tokenValidFor()).toBeLessThan(1002)
  })
})

describe('failures', () => {
  test('are tried again later and later, and the living pass is used meanwhile', async () => {
    const one = daypass().withKey('dp_k')
    const first = await one.token()
    await seconds(740)
    issuer.exchanges = []
    issuer.fails = 'down'
    await seconds(110)
    const during = issuer.exchanges.length
    expect(during).toBeGreaterThan(3)
    expect(during).toBeLessThan(12)
    expect(await one.token()).toBe(first)
    issuer.fails = undefined
    await seconds(80)
    expect(await one.token()).not.toBe(first)
  })

  test('are told as they were', async () => {
    issuer.fails = 'down'
    const one = daypass().withKey('dp_k')
    await expect(one.token()).rejects.toMatchObject({ code: 'unreachable', status: 0 })
    await expect(one.fetch(api)).rejects.toMatchObject({ name: 'DaypassError', code: 'unreachable' })
    expect(issuer.exchanges).toHaveLength(1)
    await expect(daypass().withUserAuth(() => Promise.reject(new Error('not you'))).token()).rejects.toMatchObject({ code: 'login_failed', detail: 'not you' })
  })

  test('wait as long as the server says', async () => {
    issuer.fails = { status: 429, code: 'too_many_guesses', headers: { 'retry-after': '120' } }
    const one = daypass().withKey('dp_k')
    await expect(one.token()).rejects.toMatchObject({ retryAfter: 120 })
    issuer.fails = undefined
    await seconds(119)
    await expect(one.token()).rejects.toMatchObject({ retryAfter: 120 })
    await seconds(2)
    expect(await one.token()).toBeTruthy()
  })

  test('a refused renewal asks the key, and then a person, once', async () => {
    const onLoginRequired = vi.fn()
    const stored: unknown[] = []
    const one = daypass({ onLoginRequired, setToken: (token) => void stored.push(token) }).withKey('dp_k')
    await one.token()
    issuer.fails = { status: 403, code: 'token_expired' }
    await seconds(3 * 60)
    expect(onLoginRequired).not.toHaveBeenCalled()
    await seconds(1200)
    expect(issuer.exchanges.slice(1, 3)).toEqual([expect.stringMatching(/^e30/), 'dp_k'])
    expect(onLoginRequired).toHaveBeenCalledOnce()
    expect(onLoginRequired.mock.calls[0]![0]).toMatchObject({ code: 'token_expired', status: 403, detail: 'so it is' })
    expect(stored.at(-1)).toBeNull()
    expect(issuer.exchanges.length).toBe(3) // nothing is tried again by itself
    issuer.fails = undefined
    expect(await one.token()).toBeTruthy() // and a key that is let in again is
  })

  test('a pass that cannot be renewed ends, and says so', async () => {
    issuer.renewable = false
    const onLoginRequired = vi.fn()
    const one = daypass({ onLoginRequired })
    await one.use(issuer.pass())
    await seconds(999)
    expect(onLoginRequired).not.toHaveBeenCalled()
    await seconds(3)
    expect(onLoginRequired).toHaveBeenCalledOnce()
    expect(onLoginRequired.mock.calls[0]![0]).toMatchObject({ code: 'token_expired' })
    expect(one.isTokenExpiring()).toBe(true)
    await one.use(issuer.pass())
    expect(await one.token()).toBeTruthy()
  })
})

describe('calls', () => {
  test('a 401 gets the pass replaced and the call made again, once', async () => {
    const one = daypass().withKey('dp_k')
    const first = await one.token()
    issuer.api = (token) => (token === first ? problem(401, 'token_revoked') : new Response('photo'))
    const answers = Promise.all([1, 2, 3].map(() => one.fetch(api, { method: 'POST', body: 'x' })))
    await seconds(1)
    expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(issuer.exchanges).toHaveLength(2)
  })

  test('an API that refuses every pass does not get ever more', async () => {
    const one = daypass().withKey('dp_k')
    issuer.api = () => new Response('no', { status: 401 })
    for (let i = 0; i < 20; i++) expect((await one.fetch(api)).status).toBe(401)
    expect(issuer.exchanges).toHaveLength(2)
    expect(issuer.calls).toHaveLength(21)
  })

  test('a 401 about something else leaves the pass alone', async () => {
    const onLoginRequired = vi.fn()
    const one = daypass({ onLoginRequired })
    await one.use(issuer.pass())
    issuer.api = () => problem(401, 'login_invalid')
    const answer = await one.fetch(api)
    expect(await answer.json()).toMatchObject({ code: 'login_invalid' })
    expect(one.tokenValidFor()).toBeGreaterThan(0)
    expect(onLoginRequired).not.toHaveBeenCalled()
    issuer.api = () => problem(401, 'credential_missing')
    await daypass({ onLoginRequired }).fetch(api)
    expect(onLoginRequired).toHaveBeenCalledOnce()
  })

  test('the pass goes to no other origin', async () => {
    const one = daypass({ origins: ['https://photos.example.com'] }).withKey('dp_k')
    for (const address of ['https://evil.example', 'http://pass.example.com', 'https://pass.example.com.evil.example', 'https://pass.example.com:444', 'https://pass.example.com@evil.example']) await one.fetch(address)
    expect(issuer.calls).toEqual([undefined, undefined, undefined, undefined, undefined])
    expect(issuer.exchanges).toHaveLength(0)
    await one.fetch('https://photos.example.com/1')
    expect(issuer.calls.at(-1)).toBe(await one.token())
    await one.fetch(api, { headers: { authorization: 'Bearer mine' } })
    expect(issuer.calls.at(-1)).toBe('mine')
  })

  test('nor where a relative address, or what is no address, leads', async () => {
    vi.stubGlobal('location', { href: 'https://pass.example.com/app/' })
    vi.stubGlobal('navigator', undefined)
    vi.stubGlobal('document', { baseURI: 'https://evil.example/' })
    const one = daypass().withLogin((exchange) => exchange({ 'api-key': 'dp_k' }))
    await one.fetch('photos')
    expect([issuer.calls, issuer.urls]).toEqual([[undefined], ['https://evil.example/photos']])
    vi.stubGlobal('document', undefined)
    // A Request of another frame is none here; it goes where it was judged to go.
    await one.fetch({ url: 'https://evil.example/', toString: () => '[object Request]' } as Request)
    expect(issuer.urls.at(-1)).toBe('https://pass.example.com/app/[object%20Request]')
    const moving = new URL(api)
    const sent = one.fetch(moving)
    moving.host = 'evil.example'
    await sent
    expect(issuer.urls.at(-1)).toBe(api)
  })

  test('a stream is not sent twice, a Request is', async () => {
    const one = daypass().withKey('dp_k')
    const refused = await one.token()
    const bodies: string[] = []
    const send: typeof fetch = async (input, init) => {
      if (!String(input instanceof Request ? input.url : input).endsWith('/photos')) return issuer.fetch(input, init)
      bodies.push(await new Request(input, init).text())
      return new Headers(init?.headers).get('authorization')?.endsWith(refused) ? problem(401, 'token_revoked') : new Response('photo')
    }
    const two = daypass({ fetch: send }).withKey('dp_k')
    await two.use(refused)
    expect((await two.fetch(new Request(api, { method: 'PUT', body: 'whole' }))).status).toBe(200)
    expect(bodies).toEqual(['whole', 'whole'])
    await two.use(refused)
    const body = new Blob(['flow']).stream()
    expect((await two.fetch(api, { method: 'PUT', body, duplex: 'half' } as RequestInit)).status).toBe(401)
    expect(bodies).toEqual(['whole', 'whole', 'flow'])
    await two.use(refused)
    const parts = (async function* () {
      yield new TextEncoder().encode('bit by bit')
    })()
    expect((await two.fetch(api, { method: 'PUT', body: parts, duplex: 'half' } as unknown as RequestInit)).status).toBe(401)
    expect(bodies.at(-1)).toBe('bit by bit')
  })
})

describe('tabs', () => {
  /** Web Locks as browsers have them: one at a time by name. */
  const locks = () => {
    const last = new Map<string, Promise<unknown>>()
    return {
      request: (name: string, _: object, work: () => Promise<unknown>) => {
        const next = (last.get(name) ?? Promise.resolve()).then(work)
        last.set(name, next.catch(() => {}))
        return next
      },
    }
  }

  /** BroadcastChannel by the test's own clock. */
  const channels = () => {
    const all = new Set<{ name: string; onmessage?: (event: { data: unknown }) => void }>()
    return class {
      onmessage?: (event: { data: unknown }) => void
      constructor(readonly name: string) {
        all.add(this)
      }
      postMessage(data: unknown) {
        const text = JSON.stringify(data)
        for (const other of all) if (other !== this && other.name === this.name) setTimeout(() => other.onmessage?.({ data: JSON.parse(text) }), 5)
      }
      close() {
        all.delete(this)
      }
    }
  }

  const inBrowser = (...has: ('locks' | 'channel')[]) => {
    vi.stubGlobal('location', { href: 'https://app.example/' })
    vi.stubGlobal('navigator', has.includes('locks') ? { locks: locks() } : {})
    vi.stubGlobal('BroadcastChannel', has.includes('channel') ? channels() : undefined)
  }

  test('two tabs renew once, and both have the new pass', async () => {
    inBrowser('locks', 'channel')
    vi.spyOn(Math, 'random').mockReturnValue(0.5) // so that both are due at once
    issuer.delay = 200
    const first = issuer.pass()
    const [one, two] = [daypass(), daypass()]
    await Promise.all([one.use(first), two.use(first)])
    for (let i = 0; i < 80; i++) await seconds(10)
    issuer.delay = 0
    vi.restoreAllMocks()
    expect(issuer.exchanges).toHaveLength(1)
    expect(await one.token()).toBe(await two.token())
    expect(await one.token()).not.toBe(first.token)
    await one.logout()
    await seconds(1)
    expect(two.tokenValidFor()).toBe(0)
    expect(issuer.revoked).toHaveLength(1)
  })

  test('also where they share a store, and both are asked at once', async () => {
    inBrowser('locks', 'channel')
    issuer.delay = 200
    let store: string | null = issuer.pass(900).token
    const shared = { getToken: () => store, setToken: (token: string | null) => void (store = token) }
    const [three, four] = [daypass(shared), daypass(shared)]
    await Promise.all([three.token(), four.token()])
    await seconds(2)
    expect(issuer.exchanges).toHaveLength(1)
    expect(await three.token()).toBe(await four.token())
    expect(store).toBe(await four.token())
  })

  test('without locks and channels, what they share is their store', async () => {
    inBrowser()
    let store: string | null = issuer.pass().token
    const shared = { getToken: () => store, setToken: (token: string | null) => void (store = token) }
    const [one, two] = [daypass(shared), daypass(shared)]
    for (let i = 0; i < 81; i++) await seconds(10)
    expect(issuer.exchanges.length).toBeLessThanOrEqual(2)
    expect(await one.token()).toBe(await two.token())
    await one.logout()
    await expect(two.token()).rejects.toMatchObject({ code: 'login_required' })
  })

  test('somebody else in another tab stays who they are', async () => {
    inBrowser('locks', 'channel')
    const [one, two] = [daypass(), daypass()]
    await one.use(issuer.pass())
    const other = issuer.pass()
    await two.use(other)
    await one.logout()
    await seconds(1)
    expect(await two.token()).toBe(other.token)
  })

  test('one that holds the lock for ever, or a browser without locks for this page, holds nobody up', async () => {
    inBrowser()
    const waits: AbortController[] = []
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((delay) => {
      const control = new AbortController()
      waits.push(control)
      setTimeout(() => control.abort(new DOMException('late', 'TimeoutError')), delay)
      return control.signal
    })
    vi.stubGlobal('navigator', {
      locks: { request: (_: string, { signal }: { signal: AbortSignal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))) },
    })
    let got = ''
    void daypass({ onLoginRequired: () => {} })
      .withLogin(async (exchange) => exchange({ 'api-key': 'dp_k' }))
      .token()
      .then((token) => (got = token))
    await seconds(29)
    expect(got).toBe('')
    await seconds(2)
    expect(got).not.toBe('')

    vi.stubGlobal('navigator', { locks: { request: () => Promise.reject(new DOMException('sandboxed', 'SecurityError')) } })
    expect(await daypass().withLogin((exchange) => exchange({ 'api-key': 'dp_k' })).token()).toBeTruthy()
    vi.restoreAllMocks()
  })

  test('a failure in the lock is told once, as it was, and asked for once', async () => {
    inBrowser('locks', 'channel')
    issuer.fails = { status: 500, code: 'internal' }
    await expect(daypass().withLogin((exchange) => exchange({ 'api-key': 'dp_k' })).token()).rejects.toMatchObject({ code: 'internal' })
    expect(issuer.exchanges).toHaveLength(1)
  })

  test('a key in a page is warned of', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    daypass().withKey('dp_k')
    expect(warn).not.toHaveBeenCalled()
    inBrowser()
    daypass().withKey('dp_k')
    expect(warn).toHaveBeenCalledOnce()
    warn.mockRestore()
  })
})

describe('while a renewal is under way', () => {
  test('who logs out stays so, and is asked nothing', async () => {
    const onLoginRequired = vi.fn()
    const stored: unknown[] = []
    const one = daypass({ onLoginRequired, setToken: (token) => void stored.push(token) }).withKey('dp_k')
    await one.token()
    issuer.delay = 5_000
    while (issuer.exchanges.length < 2) await seconds(1)
    issuer.delay = 0
    await one.logout()
    await seconds(1200)
    expect(one.tokenValidFor()).toBe(0)
    expect(stored.at(-1)).toBeNull()
    await expect(one.token()).rejects.toMatchObject({ code: 'login_required' })
    expect(onLoginRequired).not.toHaveBeenCalled()
  })

  test('nor does a login that comes too late log in again', async () => {
    issuer.delay = 5_000
    const one = daypass().withKey('dp_k')
    const token = one.token().catch((error: unknown) => error)
    await seconds(1)
    issuer.delay = 0
    await one.logout()
    await seconds(10)
    expect(await token).toMatchObject({ code: 'login_required' })
    expect(one.tokenValidFor()).toBe(0)
  })

  test.each([undefined, { status: 401, code: 'token_revoked' }])('who logs in as somebody else is that, also where it is refused: %o', async (fails) => {
    const onLoginRequired = vi.fn()
    const one = daypass({ onLoginRequired })
    await one.use(issuer.pass())
    issuer.delay = 5_000
    while (issuer.exchanges.length < 1) await seconds(1)
    issuer.delay = 0
    issuer.fails = fails
    const other = issuer.pass()
    await one.use(other)
    await seconds(10)
    expect(await one.token()).toBe(other.token)
    expect(onLoginRequired).not.toHaveBeenCalled()
  })
})

test('nothing is renewed after close', async () => {
  const one = daypass().withKey('dp_k')
  await one.token()
  one.close()
  await vi.advanceTimersByTimeAsync(60 * minute)
  expect(issuer.exchanges).toHaveLength(1)
})

test('a store that answers late and forgets to take is no trouble', async () => {
  const first = issuer.pass().token
  const one = daypass({ getToken: () => new Promise((done) => setTimeout(() => done(first), 20)) })
  for (let i = 0; i < 90; i++) await seconds(10)
  expect(issuer.exchanges).toHaveLength(1)
  const token = one.token()
  await seconds(1)
  expect(await token).not.toBe(first)
})
