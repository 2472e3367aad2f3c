// A single-page application logs in at /auth/token and goes on at /auth/token/refresh with fetch alone. Then npm oauth4webapi, unchanged,
// binds a login to its key and refreshes it by the routes of OAuth.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, exportJWK, jwtVerify, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'

const { DAYPASS_URL: url, USERNAME: username, PASSWORD: password, SUBJECT: subject } = process.env

class Session {
  #state
  #refreshing

  async logIn() {
    const response = await fetch(`${url}/auth/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username, password }),
    })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    this.#state = await response.json()
    return this.#state
  }

  // One at a time: a refresh token is good once.
  refresh() {
    this.#refreshing ??= this.#exchange().finally(() => { this.#refreshing = undefined })
    return this.#refreshing
  }

  async #exchange() {
    const response = await fetch(`${url}/auth/token/refresh`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.#state.token}` },
      body: new URLSearchParams({ refresh_token: this.#state.refresh_token }),
    })
    assert.equal(response.status, 200)
    this.#state = await response.json()
    return this.#state
  }
}

const ask = token => fetch(`${url}/v1/me`, { headers: { Authorization: `Bearer ${token}` } })
const problem = async response => {
  assert.match(response.headers.get('content-type'), /^application\/problem\+json/)
  return [response.status, (await response.json()).code]
}

const session = new Session()
const first = await session.logIn()
assert.deepEqual(Object.keys(first).sort(), ['expires_in', 'refresh_expires_in', 'refresh_token', 'session', 'token', 'token_type', 'uid'])
const jwks = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
const { payload } = await jwtVerify(first.token, jwks, { typ: 'at+jwt', audience: 'acme' })
assert.equal(payload.sub, subject)
assert.equal(payload.uid, subject)
assert.equal(payload.exp - payload.iat, first.expires_in)
assert.ok(payload.iss && payload.roles.some(role => role.role_name === 'developer' && role.accid && role.appid === null))
assert.equal((await ask(first.token)).status, 200)

const [second, same] = await Promise.all([session.refresh(), session.refresh()])
assert.equal(second.refresh_token, same.refresh_token)
assert.notEqual(second.refresh_token, first.refresh_token)
assert.equal(second.session, first.session)
assert.equal((await ask(second.token)).status, 200)

const replay = () => fetch(`${url}/auth/token/refresh`, { method: 'POST', body: new URLSearchParams({ refresh_token: first.refresh_token }) })
assert.deepEqual(await problem(await replay()), [401, 'refresh_token_reused'])
assert.deepEqual(await problem(await ask(second.token)), [401, 'token_revoked'])
assert.deepEqual(await problem(await replay()), [401, 'refresh_token_invalid'])
const wrong = await fetch(`${url}/auth/token`, { method: 'POST', body: new URLSearchParams({ username, password: 'not this one, surely' }) })
assert.deepEqual(await problem(wrong), [401, 'login_invalid'])

// With a DPoP header at the login, passes and refresh tokens are good for whoever holds the key.
const options = { [oauth.allowInsecureRequests]: true }
const as = { issuer: url, token_endpoint: `${url}/oauth2/token` }
const client = { client_id: 'unused' }
const noClient = () => {} // nobody but the session
const keyPair = await oauth.generateKeyPair('ES256')
const jwk = await exportJWK(keyPair.publicKey)
const proof = await new SignJWT({ htm: 'POST', htu: `${url}/auth/token`, jti: randomUUID() })
  .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk }).setIssuedAt().sign(keyPair.privateKey)
const bound = await fetch(`${url}/auth/token`, { method: 'POST', headers: { DPoP: proof }, body: new URLSearchParams({ username, password }) })
const login = await bound.json()
assert.equal(login.token_type, 'DPoP')
const stolen = await oauth.refreshTokenGrantRequest(as, client, noClient, login.refresh_token, options)
await assert.rejects(oauth.processRefreshTokenResponse(as, client, stolen), { error: 'invalid_grant' })
const DPoP = oauth.DPoP(client, keyPair)
const response = await oauth.refreshTokenGrantRequest(as, client, noClient, login.refresh_token, { DPoP, ...options })
const next = await oauth.processRefreshTokenResponse(as, client, response)
assert.equal(next.token_type, 'dpop')
assert.equal(decodeJwt(next.access_token).cnf.jkt, await DPoP.calculateThumbprint())
const me = await oauth.protectedResourceRequest(next.access_token, 'GET', new URL(`${url}/v1/me`), undefined, undefined, { DPoP, ...options })
assert.equal(me.status, 200)
