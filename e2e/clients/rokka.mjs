// npm rokka, unchanged, runs its token, key and membership flow.
import assert from 'node:assert/strict'
import { Rokka } from 'rokka'

const { DAYPASS_URL: apiHost, KEY: apiKey, ORG: org, USER: me } = process.env
const transport = { retries: 0 }
const refused = (status, invalid) => e => {
  assert.equal(e.statusCode, status, JSON.stringify(e.error))
  assert.equal(e.error.code, status)
  assert.equal(e.error.error.code, status)
  assert.equal(typeof e.error.message, 'string')
  assert.equal(e.error.invalid_authentication, invalid ? true : undefined)
  return true
}

// With the key.
const rokka = new Rokka({ apiKey, apiHost, transport })
assert.equal(await rokka.user.getId(), me)
assert.equal(await rokka.users.getId(), me)
const { body: user } = await rokka.user.get()
assert.equal(user.api_keys.length, 1)
const { body: current } = await rokka.user.getCurrentApiKey()
assert.equal(current.id, user.api_keys[0].id)
assert.equal(current.api_key, undefined)

// Keys: up to five; the one in use cannot delete itself.
const made = []
for (const comment of ['second', null, undefined, 'fifth']) {
  const { body, statusCode } = await rokka.user.addApiKey(comment)
  assert.equal(statusCode, 201)
  assert.match(body.api_key, /^dp_live_/)
  assert.equal(body.comment, comment ?? '')
  made.push(body)
}
await assert.rejects(rokka.user.addApiKey('sixth'), refused(409))
assert.equal((await rokka.user.listApiKeys()).body.length, 5)
await assert.rejects(rokka.user.deleteApiKey(current.id), refused(409))
const gone = await rokka.user.deleteApiKey(made[3].id)
assert.equal(gone.statusCode, 204)
assert.equal(gone.response.headers.get('content-type'), null)
await assert.rejects(rokka.user.deleteApiKey('key_none'), refused(404))

// Passes: bound to this address and renewable unless the wish says otherwise.
let token = null
const session = new Rokka({ apiHost, transport, apiTokenGetCallback: () => token, apiTokenSetCallback: t => { token = t } })
const { body: first } = await session.user.getNewToken(made[0].api_key, { expires_in: 7200 })
assert.deepEqual(first.payload.ips, ['127.0.0.1'])
assert.equal(first.payload.rn, true)
assert.equal(first.payload.expt, 7200)
assert.equal(token, first.token)
assert.ok(session.user.getTokenIsValidFor() > 7000)
assert.equal(await session.user.getId(), me)
assert.equal((await session.user.getCurrentApiKey()).body.id, made[0].id)
const { body: renewed } = await session.user.getNewToken()
assert.notEqual(renewed.token, first.token)
assert.ok(renewed.payload.exp - renewed.payload.iat <= 7200)
await assert.rejects(session.user.getNewToken(undefined, { expires_in: 99999 }), refused(403))

// A pass that is about to expire is renewed by the library itself.
const before = token
const eager = new Rokka({ apiHost, transport, apiTokenRefreshTime: 100000, apiTokenGetCallback: () => token, apiTokenSetCallback: t => { token = t } })
await eager.user.getId()
assert.notEqual(token, before)

const { body: open } = await rokka.user.getNewToken(made[1].api_key, { no_ip_protection: true })
assert.equal(open.payload.ips, undefined)
assert.equal(open.payload.rn, false)
token = open.token
await assert.rejects(session.user.getNewToken(undefined, {}), refused(403))
const { body: listed } = await rokka.user.getNewToken(made[1].api_key, { ips: 'request_ip, 10.0.0.0/24', renewable: false })
assert.deepEqual([...listed.payload.ips].sort(), ['10.0.0.0/24', '127.0.0.1'])
assert.equal(listed.payload.rn, false)
await assert.rejects(rokka.user.getNewToken(made[1].api_key, { ips: '10.0.0.1', no_ip_protection: true }), refused(400))

// Whoever is nobody hears so, and the library clears the dead token.
const { body: elsewhere } = await rokka.user.getNewToken(made[1].api_key, { ips: '10.0.0.1' })
token = elsewhere.token
await assert.rejects(session.user.getId(), refused(401, true))
assert.equal(token, '')
await rokka.user.getNewToken(made[1].api_key, {}).then(r => { token = r.body.token })
await new Rokka({ apiKey, apiHost, transport }).user.deleteApiKey(made[1].id)
await assert.rejects(session.user.getId(), refused(401, true))
await assert.rejects(new Rokka({ apiKey: 'nothing', apiHost, transport }).user.getId(), refused(401, true))

// Memberships.
const admin = new Rokka({ apiKey, apiHost, transport })
const { READ, WRITE, UPLOAD, ADMIN, SOURCEIMAGE_READ } = admin.memberships.ROLES
const { body: guest, statusCode } = await admin.memberships.createWithNewUser(org, [READ, UPLOAD], 'New user for something')
assert.equal(statusCode, 201)
assert.deepEqual(guest.roles.sort(), ['read', 'upload'])
assert.equal(guest.comment, 'New user for something')
const other = new Rokka({ apiKey: guest.api_key, apiHost, transport })
assert.equal(await other.user.getId(), guest.user_id)
const { body: narrow } = await other.user.getNewToken(guest.api_key)
assert.equal(narrow.payload.scope, '*:read *:upload')
await assert.rejects(other.memberships.createWithNewUser(org, [ADMIN]), refused(403))
await assert.rejects(other.user.addApiKey('more'), refused(403))

const { body: list } = await admin.memberships.list(org)
assert.equal(list.total, 2)
assert.deepEqual(list.items.map(m => m.user_id).sort(), [me, guest.user_id].sort())
assert.deepEqual(list.items.find(m => m.user_id === me).roles, ['admin'])
assert.equal((await admin.memberships.get(org, guest.user_id)).body.active, true)

assert.equal((await admin.memberships.create(org, guest.user_id, [WRITE, SOURCEIMAGE_READ])).statusCode, 200)
const same = await admin.memberships.create(org, guest.user_id, [WRITE, SOURCEIMAGE_READ])
assert.equal(same.statusCode, 204)
assert.equal(same.response.headers.get('content-type'), null)
assert.deepEqual((await admin.memberships.get(org, guest.user_id)).body.roles.sort(), [SOURCEIMAGE_READ, WRITE])
assert.equal((await admin.memberships.create(org, guest.user_id, ADMIN, 'promoted')).body.comment, 'promoted')

// The last administrator stays, also under the name admin.
assert.equal((await admin.memberships.create(org, me, ADMIN)).statusCode, 204)
await assert.rejects(admin.memberships.create(org, me, READ), refused(409))
await assert.rejects(admin.memberships.delete(org, me), refused(409))
assert.equal((await admin.memberships.delete(org, guest.user_id)).statusCode, 204)
await assert.rejects(other.user.getId(), refused(401, true))
await assert.rejects(admin.memberships.get(org, guest.user_id), refused(404))
assert.equal((await admin.memberships.create(org, guest.user_id, [READ])).statusCode, 201)
await assert.rejects(admin.memberships.list('nowhere'), refused(404))

// Nobody registers without being asked; who may make users can.
await assert.rejects(admin.users.create('someone@example.org'), refused(401, true))
const { body: fresh } = await admin.request('users', 'POST', { email: 'someone@example.org', organization: org })
assert.match(fresh.api_key, /^dp_live_/)
assert.equal((await new Rokka({ apiKey: fresh.api_key, apiHost, transport }).user.get()).body.email, 'someone@example.org')
