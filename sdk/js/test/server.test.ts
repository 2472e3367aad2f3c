import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Addresses, Daypass, DaypassError, Identity, logIn, logInBySocket, SenderKey, Signer, signTime } from '../src/index.js'
import { makeKey, office, protect, type Reached, server, withServer } from './world.js'

withServer('with the real server', () => {
  let reached: Reached[]
  let close: () => void
  beforeAll(async () => {
    ;({ reached, close } = await protect([
      { match: 'GET /open', access: 'public' },
      { match: 'POST /signed', require: { scopes: ['photos:write'], signature: true } },
      { match: 'GET /vault', require: { scopes: ['photos:read'], sender_key: true } },
      { match: 'GET /**', require: { scopes: ['photos:read'] } },
      { match: 'POST /**', require: { scopes: ['photos:write'] } },
    ]))
  })
  afterAll(() => close())

  const photos = () => ({ url: server.api, origins: [server.gateway] })

  test('a key is exchanged once, and the pass goes to the named origins alone', async () => {
    const { key } = await makeKey({ scopes: ['photos:*'], roles: [] })
    const daypass = new Daypass({ ...photos(), tokenOptions: { expires_in: 900, scopes: ['photos:read'] } }).withKey(key)
    const answers = await Promise.all([1, 2, 3, 4].map((id) => daypass.fetch(`${server.gateway}/photos/${id}`)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(await answers[0]!.text()).toBe('photo')
    expect(new Set(reached.slice(-4).map(({ headers }) => headers['x-daypass-token-id'])).size).toBe(1)
    expect(daypass.tokenValidFor()).toBeGreaterThan(890)
    expect(daypass.tokenValidFor()).toBeLessThanOrEqual(901)
    expect(daypass.isTokenExpiring()).toBe(false)

    expect((await daypass.fetch(`${server.gateway}/photos`, { method: 'POST', body: 'x' })).status).toBe(403)
    const elsewhere = new Daypass({ url: server.api }).withKey(key)
    expect((await elsewhere.fetch(`${server.gateway}/photos/1`)).status).toBe(401)
  })

  test('the typed client speaks with the pass', async () => {
    const daypass = new Daypass({ url: server.api }).withKey(server.key)
    const { data } = await daypass.client().GET('/v1/organizations/{org}/keys', { params: { path: { org: 'main' } } })
    expect(data?.items.length).toBeGreaterThan(0)
    const { data: made, error } = await daypass.client().POST('/v1/organizations/{org}/keys', { params: { path: { org: 'main' } }, body: { scopes: ['a:b'], roles: [] } })
    expect(error).toBeUndefined()
    expect(made?.key).toMatch(/^dp_/)
  })

  test('a renewable pass is renewed with itself', async () => {
    const { key } = await makeKey({ scopes: ['photos:read'], roles: [] })
    const first = await (await fetch(`${server.api}/v1/tokens`, { method: 'POST', headers: { 'api-key': key, 'content-type': 'application/json' }, body: '{"expires_in":2,"ips":["request_ip"],"renewable":true}' })).json()
    const kept: (string | null)[] = []
    const daypass = new Daypass({ ...photos(), setToken: (token) => void kept.push(token) })
    await daypass.use(first)
    await vi.waitFor(() => expect(kept.length).toBeGreaterThan(1), { timeout: 5_000 })
    expect(kept.at(-1)).not.toBe(first.token)
    expect((await daypass.fetch(`${server.gateway}/photos/1`)).status).toBe(200)
    daypass.close()
  })

  test('a revoked pass is cleared, and somebody has to log in', async () => {
    const { id, key } = await makeKey({ scopes: ['photos:read'], roles: [] })
    const onLoginRequired = vi.fn()
    let store: string | null = null
    const daypass = new Daypass({ ...photos(), getToken: () => store, setToken: (token) => void (store = token), onLoginRequired })
    const { token } = await (await fetch(`${server.api}/v1/tokens`, { method: 'POST', headers: { 'api-key': key } })).json()
    store = token
    expect((await daypass.fetch(`${server.gateway}/photos/1`)).status).toBe(200)
    await office().DELETE('/v1/organizations/{org}/keys/{key}', { params: { path: { org: 'main', key: id } } })
    expect((await daypass.fetch(`${server.gateway}/photos/1`)).status).toBe(401)
    expect(store).toBeNull()
    expect(onLoginRequired).toHaveBeenCalledOnce()
    expect(onLoginRequired.mock.calls[0]![0]).toMatchObject({ name: 'DaypassError', code: 'token_revoked', status: 401 })
    await expect(daypass.token()).rejects.toMatchObject({ code: 'login_required' })
    expect((await daypass.fetch(`${server.gateway}/open`)).status).toBe(200)
    expect(onLoginRequired).toHaveBeenCalledOnce()
  })

  test('a revoked pass is replaced where there is a key', async () => {
    const { key } = await makeKey({ scopes: ['photos:*'], roles: [] })
    const onLoginRequired = vi.fn()
    const daypass = new Daypass({ ...photos(), onLoginRequired }).withKey(key)
    const token = await daypass.token()
    await office().POST('/v1/tokens/revoke', { body: { token } })
    const answer = await daypass.fetch(`${server.gateway}/photos`, { method: 'POST', body: 'the whole photo' })
    expect(answer.status).toBe(200)
    expect(reached.at(-1)).toMatchObject({ method: 'POST', body: 'the whole photo' })
    expect(onLoginRequired).not.toHaveBeenCalled()
  })

  test('logout ends the pass at the server', async () => {
    const { key } = await makeKey({ scopes: ['photos:read'], roles: [] })
    const daypass = new Daypass(photos()).withKey(key)
    const token = await daypass.token()
    await daypass.logout()
    const answer = await fetch(`${server.gateway}/photos/1`, { headers: { authorization: `Bearer ${token}` } })
    expect((await DaypassError.from(answer)).code).toBe('token_revoked')
    expect(daypass.tokenValidFor()).toBe(0)
    await expect(daypass.token()).rejects.toThrow(DaypassError)
  })

  test('a key that is refused is told in full, and not tried again at once', async () => {
    const send = vi.fn(fetch)
    const onLoginRequired = vi.fn()
    const daypass = new Daypass({ url: server.api, fetch: send, onLoginRequired }).withKey(`${server.key.slice(0, -1)}_`)
    for (let i = 0; i < 5; i++) await expect(daypass.token()).rejects.toMatchObject({ status: 401, code: /^(key|credential)_/ })
    expect(send).toHaveBeenCalledOnce()
    expect(onLoginRequired).toHaveBeenCalledOnce()
    const wide = new Daypass({ url: server.api, tokenOptions: { scopes: ['billing:write'] } }).withKey((await makeKey({ scopes: ['photos:read'], roles: [] })).key)
    await expect(wide.token()).rejects.toMatchObject({ code: 'scope_exceeded', detail: /billing:write/, requestId: /^req_/ })
  })

  test('addresses are remembered, and passes good at them', async () => {
    const { key } = await makeKey({ scopes: ['photos:read'], roles: [] })
    const items = new Map<string, string>([['daypass.addresses', '["203.0.113.7"]']])
    const addresses = new Addresses({ getItem: (name) => items.get(name) ?? null, setItem: (name, value) => void items.set(name, value) })
    const daypass = new Daypass({
      ...photos(),
      tokenOptions: () => ({ ips: addresses.ips(), renewable: true }),
      setToken: (_, claims) => addresses.remember(...(claims?.ips ?? [])),
    }).withKey(key)
    expect((await daypass.fetch(`${server.gateway}/photos/1`)).status).toBe(200)
    expect(addresses.list().toSorted()).toEqual(['127.0.0.1', '203.0.113.7'])
    // An address that is there already is no error.
    const again = new Daypass({ url: server.api, tokenOptions: () => ({ ips: addresses.ips() }) }).withKey(key)
    expect(await again.token()).toBeTruthy()
    for (let i = 0; i < 10; i++) addresses.remember(`203.0.113.${i}`)
    expect(addresses.list()).toHaveLength(8)
    expect(addresses.list()[0]).toBe('203.0.113.9')
    addresses.remember('198.51.100.0/24')
    addresses.forget('203.0.113.9')
    expect(addresses.list()).toEqual([8, 7, 6, 5, 4, 3, 2].map((i) => `203.0.113.${i}`))
    Object.defineProperty(globalThis, 'localStorage', {
      configurable: true,
      get() {
        throw new DOMException('forbidden', 'SecurityError')
      },
    })
    try {
      const forbidden = new Addresses()
      forbidden.remember('198.51.100.7')
      expect(forbidden.ips()).toEqual(['request_ip'])
    } finally {
      Reflect.deleteProperty(globalThis, 'localStorage')
    }
    for (const kept of ['{', '{}', 'null', '"198.51.100.7"', '[1, null, "<b>"]']) expect(new Addresses({ getItem: () => kept, setItem() {} }).list()).toEqual([])
  })

  test('a user logs in with a public key, over HTTP and WebSocket', async () => {
    const group = await makeKey({ kind: 'ug', scopes: ['photos:read'], roles: [] })
    const identity = await Identity.import(await (await Identity.generate()).export())
    const login = { url: server.api, issuer: server.issuer, key: group.id, identity }
    const daypass = new Daypass(photos()).withLogin(() => logIn({ ...login, tokenOptions: { expires_in: 600 } }))
    expect((await daypass.fetch(`${server.gateway}/photos/1`)).status).toBe(200)
    const subject = reached.at(-1)!.headers['x-daypass-subject']
    expect(subject).toMatch(/^idn_/)
    expect(daypass.tokenValidFor()).toBeLessThan(605)

    const socket = new Daypass(photos()).withUserAuth(() => logInBySocket(login))
    expect((await socket.fetch(`${server.gateway}/photos/1`)).status).toBe(200)
    expect(reached.at(-1)!.headers['x-daypass-subject']).toBe(subject)

    await expect(logIn({ ...login, issuer: 'https://other.example' })).rejects.toMatchObject({ code: 'challenge_signature_invalid' })
    await expect(logInBySocket({ ...login, issuer: 'https://other.example' })).rejects.toMatchObject({ code: 'challenge_foreign' })
    await expect(logInBySocket({ ...login, key: 'key_01k8dn0005f8j1n4r7v0y3b6e9' })).rejects.toThrow(DaypassError)
  })

  test('signed times and signed requests prove a key', async () => {
    const made = await makeKey({ scopes: ['photos:*'], roles: [], require_signature: true })
    const backend = vi.fn(() => signTime(made.id, made.secret!, new Date(Date.now() + 60_000)))
    const page = new Daypass(photos()).withUserAuth(backend)
    expect((await page.fetch(`${server.gateway}/photos/1`)).status).toBe(200)
    expect(backend).toHaveBeenCalledOnce()
    await expect(new Daypass({ url: server.api }).withUserAuth(() => signTime(made.id, 'dps_wrong', new Date(Date.now() + 60_000))).token()).rejects.toMatchObject({ code: 'signature_invalid' })

    const signer = new Signer(made.id, made.secret!)
    const service = new Daypass({ ...photos(), fetch: signer.transport() }).withLogin((exchange) => exchange())
    const answer = await service.fetch(`${server.gateway}/signed?album=7#top`, { method: 'POST', body: 'signed photo', headers: { 'content-type': 'text/plain' } })
    expect(answer.status).toBe(200)
    expect(reached.at(-1)).toMatchObject({ path: '/signed?album=7', body: 'signed photo' })
    const unsigned = new Daypass(photos())
    await unsigned.use(await service.token())
    expect((await unsigned.fetch(`${server.gateway}/signed`, { method: 'POST', body: 'x' })).status).toBe(401)

    const identity = await Identity.generate()
    const registered = await makeKey({ scopes: ['photos:*'], roles: [], require_signature: true, public_key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(identity.publicBytes).toString('base64url') } })
    const robot = new Daypass({ ...photos(), fetch: new Signer(registered.id, identity).transport() }).withLogin((exchange) => exchange())
    expect((await robot.fetch(`${server.gateway}/signed`, { method: 'POST', body: 'x' })).status).toBe(200)
  })

  test('passes are bound to a key that cannot be read, with nonces of the server', async () => {
    const { key } = await makeKey({ scopes: ['photos:*'], roles: [] })
    const sender = await SenderKey.open()
    const sent = vi.fn(fetch)
    const daypass = new Daypass({ ...photos(), fetch: sender.transport(sent) }).withKey(key)
    const answer = await daypass.fetch(`${server.gateway}/vault?x=1`)
    expect(answer.status).toBe(200)
    expect(sent).toHaveBeenCalledTimes(4) // each origin once asks for a nonce
    expect((await daypass.fetch(`${server.gateway}/vault`)).status).toBe(200)
    expect((await daypass.fetch(`${server.gateway}/photos`, { method: 'POST', body: 'x' })).status).toBe(200)
    expect(sent).toHaveBeenCalledTimes(6)

    const thief = new Daypass({ ...photos() })
    await thief.use(await daypass.token())
    const refused = await thief.fetch(`${server.gateway}/photos/1`)
    expect((await DaypassError.from(refused)).code).toBe('sender_key_missing')
    expect(thief.tokenValidFor()).toBeGreaterThan(0) // it is not the pass that is dead
  })
})
