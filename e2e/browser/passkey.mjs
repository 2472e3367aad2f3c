// Chromium with a virtual authenticator enrols passkeys and logs in by them, in pages of the server.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const { DAYPASS_URL: url, KEY: key, SECOND: second, CHROMIUM: executablePath } = process.env
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--headless=new'] })
try {
  // The page that says how to build the dashboard may fetch nothing.
  const page = await (await browser.newContext({ bypassCSP: true })).newPage()
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const authenticator = async (options) => (await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, ...options },
  })).authenticatorId
  let at = await authenticator()
  await page.goto(`${url}/login`)

  const send = (method, path, credential, body) => page.evaluate(async ([method, path, credential, body]) => {
    const headers = { ...(credential && { authorization: `Bearer ${credential}` }), ...(body && { 'content-type': 'application/json' }) }
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) })
    const text = await response.text()
    return { status: response.status, text, body: text ? JSON.parse(text) : {} }
  }, [method, path, credential, body])
  const make = (options) => page.evaluate(async (options) => {
    const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    return made.toJSON()
  }, options)
  const get = (options) => page.evaluate(async (options) => {
    const got = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
    return got.toJSON()
  }, options)
  const expect = (what, answer, status, code) => {
    assert.equal(answer.status, status, `${what}: ${answer.status} ${answer.text}`)
    if (code) assert.equal(answer.body.code, code, `${what}: ${answer.text}`)
    return answer.body
  }
  const pass = async (of, wish = {}) => expect('pass', await send('POST', '/v1/tokens', of, wish), 200).token
  const begin = async (token) => expect('begin', await send('POST', '/v1/passkeys/options', token), 200)
  const enrol = async (token, name) => {
    const begun = await begin(token)
    return send('POST', '/v1/passkeys', token, { ceremony: begun.ceremony, credential: await make(begun.public_key), name })
  }
  const answer = async (edit = (x) => x) => {
    const begun = expect('options', await send('POST', '/v1/login/passkey/options'), 200)
    return { ceremony: begun.ceremony, credential: edit(await get(begun.public_key)) }
  }
  const login = async (edit) => send('POST', '/v1/login/passkey', null, await answer(edit))
  const refused = (what, a) => {
    expect(what, a, 401, 'passkey_invalid')
    return a.body.detail
  }

  assert.equal(expect('offer', await send('GET', '/v1/login'), 200).passkey, true)
  const token = await pass(key)

  // What is asked of the browser.
  const begun = await begin(token)
  assert.equal(begun.public_key.rp.id, 'localhost')
  assert.equal(begun.public_key.authenticatorSelection.userVerification, 'required')
  assert.equal(begun.public_key.authenticatorSelection.residentKey, 'required')
  assert.ok(begun.public_key.challenge.length >= 22)

  const laptop = expect('enrol', await enrol(token, 'laptop'), 201)
  assert.match(laptop.id, /^psk_/)
  assert.equal(laptop.name, 'laptop')
  const first = (await cdp.send('WebAuthn.getCredentials', { authenticatorId: at })).credentials[0]
  assert.equal(first.rpId, 'localhost')
  assert.equal(first.isResidentCredential, true)
  await assert.rejects(enrol(token, 'twice'), /InvalidStateError|previously registered/)

  // One answer is taken once, and only where it was asked for.
  const done = await answer()
  const inside = expect('login', await send('POST', '/v1/login/passkey', null, done), 200)
  assert.match(inside.session, /^ses_/)
  assert.equal(expect('me', await send('GET', '/v1/me', inside.token), 200).user.id, inside.uid)
  expect('refresh', await send('POST', '/auth/token/refresh', null, { refresh_token: inside.refresh_token }), 200)
  const replayed = refused('an answer that was used', await send('POST', '/v1/login/passkey', null, done))
  const other = await answer()
  refused('an answer to another challenge', await send('POST', '/v1/login/passkey', null, { ...other, credential: (await answer()).credential }))
  const enrolling = await begin(inside.token)
  refused('a ceremony of another kind', await send('POST', '/v1/login/passkey', null, { ...(await answer()), ceremony: enrolling.ceremony }))
  refused('no ceremony', await send('POST', '/v1/login/passkey', null, { ...(await answer()), ceremony: 'x' }))

  // Whatever is wrong, the answer is the same.
  const flip = (text) => text.slice(0, 20) + (text[20] === 'A' ? 'B' : 'A') + text.slice(21)
  const inResponse = (name, change) => (c) => ({ ...c, response: { ...c.response, [name]: change(c.response[name]) } })
  const clientData = (change) => inResponse('clientDataJSON', (text) => {
    const data = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Buffer.from(JSON.stringify({ ...data, ...change })).toString('base64url')
  })
  const unknown = Buffer.from('nobody has this credential id ..').toString('base64url')
  for (const [what, edit] of Object.entries({
    'an unknown credential': (c) => ({ ...c, id: unknown, rawId: unknown }),
    'an altered signature': inResponse('signature', flip),
    'a signature of nothing': inResponse('signature', () => 'AAAA'),
    'another user handle': inResponse('userHandle', () => Buffer.from('mem_somebody').toString('base64url')),
    'no user handle': (c) => ({ ...c, response: { ...c.response, userHandle: undefined } }),
    'another origin': clientData({ origin: 'https://evil.example' }),
    'a cross-origin frame': clientData({ crossOrigin: true }),
    'another type': clientData({ type: 'webauthn.create' }),
    'no answer': () => ({}),
  })) assert.equal(refused(what, await login(edit)), replayed, `${what}: told apart`)

  // Without user verification it is half a factor.
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId: at, isUserVerified: false })
  await assert.rejects(login(), /NotAllowedError/)
  const begunUnverified = expect('options', await send('POST', '/v1/login/passkey/options'), 200)
  const unverified = await get({ ...begunUnverified.public_key, userVerification: 'discouraged' })
  refused('without user verification', await send('POST', '/v1/login/passkey', null, { ceremony: begunUnverified.ceremony, credential: unverified }))
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId: at, isUserVerified: true })
  expect('verified again', await login(), 200)

  // A copy of the authenticator counts from where it was copied.
  await cdp.send('WebAuthn.removeCredential', { authenticatorId: at, credentialId: first.credentialId })
  await cdp.send('WebAuthn.addCredential', { authenticatorId: at, credential: { ...first, signCount: 1 } })
  expect('a counter that went back', await login(), 401, 'passkey_counter')
  await cdp.send('WebAuthn.removeCredential', { authenticatorId: at, credentialId: first.credentialId })
  await cdp.send('WebAuthn.addCredential', { authenticatorId: at, credential: { ...first, signCount: 1000 } })
  expect('a counter that went on', await login(), 200)

  // Who may enrol one.
  const may = async (what, credential, status, code) => expect(what, await send('POST', '/v1/passkeys/options', credential), status, code)
  await may('the key itself', key, 403, 'fresh_login_required')
  await may('a renewed pass', await pass(await pass(key, { renewable: true })), 403, 'fresh_login_required')
  await may('a narrowed pass', await pass(token, { scopes: ['daypass:passkeys:*'] }), 403, 'fresh_login_required')
  await may('a narrow pass', await pass(key, { scopes: ['daypass:passkeys:*'] }), 403, 'whole_login_required')
  await may('one that may not', await pass(key, { scopes: ['photos:read'] }), 403, 'scope_missing')
  await may('a pass without roles', await pass(key, { roles: [] }), 403, 'whole_login_required')
  const keys = `/v1/organizations/acme/keys`
  for (const [what, edit] of Object.entries({ 'a key with an end': { expires_in: 3600 }, 'a key of networks': { ips: ['127.0.0.1', '::1'] } })) {
    const narrow = expect(what, await send('POST', keys, key, { scopes: ['*'], ...edit }), 201)
    await may(what, await pass(narrow.key), 403, 'whole_login_required')
  }
  const their = await pass(second)
  const mine = await begin(token)
  await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: at })
  at = await authenticator()
  const made = await make(mine.public_key)
  expect("another user's ceremony", await send('POST', '/v1/passkeys', their, { ceremony: mine.ceremony, credential: made }), 422, 'passkey_ceremony')
  expect('which is spent', await send('POST', '/v1/passkeys', token, { ceremony: mine.ceremony, credential: made }), 422, 'passkey_ceremony')

  await cdp.send('WebAuthn.clearCredentials', { authenticatorId: at })

  // Another user of the same organization, and what each sees.
  const phone = expect('enrol theirs', await enrol(their, 'phone'), 201)
  const theirs = expect('their login', await login(), 200)
  assert.notEqual(theirs.uid, inside.uid)
  expect("delete another's", await send('DELETE', `/v1/passkeys/${laptop.id}`, theirs.token), 404)
  assert.deepEqual(expect('list', await send('GET', '/v1/passkeys', theirs.token), 200).items.map((p) => p.id), [phone.id])
  const listed = expect('mine', await send('GET', '/v1/passkeys', token), 200).items
  assert.equal(listed.length, 1)
  assert.ok(listed[0].used.time)

  // Somebody who is disabled does not log in, and a deleted passkey opens nothing.
  const user = `/v1/organizations/acme/users/${theirs.uid}`
  expect('disable', await send('PATCH', user, key, { active: false }), 200)
  expect('disabled', await login(), 401, 'user_disabled')
  expect('enable', await send('PATCH', user, key, { active: true }), 200)
  const again = expect('enabled', await login(), 200)
  expect('delete', await send('DELETE', `/v1/passkeys/${phone.id}`, again.token), 204)
  refused('a deleted passkey', await login())
  expect('once more', await send('DELETE', `/v1/passkeys/${phone.id}`, again.token), 404)

  const events = expect('audit', await send('GET', '/v1/organizations/acme/events?limit=200', key), 200).items.map((e) => e.action)
  for (const action of ['passkey.enrolled', 'passkey.deleted']) assert.ok(events.includes(action), `${action} is not recorded`)

  // An answer for the time after a minute, when it is late.
  await cdp.send('WebAuthn.clearCredentials', { authenticatorId: at })
  await cdp.send('WebAuthn.addCredential', { authenticatorId: at, credential: { ...first, signCount: 2000 } })
  console.log(JSON.stringify({ late: await answer(), token }))
} finally {
  await browser.close()
}
