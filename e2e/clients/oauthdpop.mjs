// npm openid-client and oauth4webapi bind passes to a key at /oauth2/token (RFC 9449), unchanged, and go on when they are asked for a nonce.
import assert from 'node:assert/strict'
import { decodeJwt, importJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const { ISSUER, GATEWAY, CLIENT_ID, CLIENT_SECRET, KEY_ID, PRIVATE_JWK, REFRESH, NONCE } = process.env
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const vault = new URL(`${GATEWAY}/vault/1`)
const key = await importJWK(JSON.parse(PRIVATE_JWK), 'ES256')

async function withOpenID(id, auth) {
  const config = await openid.discovery(new URL(ISSUER), id, undefined, auth, { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] })
  const [DPoP, thief] = await Promise.all([1, 2].map(async () => openid.getDPoPHandle(config, await openid.randomDPoPKeyPair())))
  const granted = await openid.clientCredentialsGrant(config, { scope: 'photos:read photos:write' }, { DPoP })
  assert.equal(granted.token_type, 'dpop')
  assert.equal(decodeJwt(granted.access_token).cnf.jkt, await DPoP.calculateThumbprint())
  const ask = (token, options) => openid.fetchProtectedResource(config, token, vault, 'GET', undefined, undefined, options)
  assert.equal((await ask(granted.access_token, { DPoP })).status, 200)

  // What is made from it is bound to the same key, and to no other.
  const fields = { subject_token: granted.access_token, subject_token_type: accessToken, scope: 'photos:read' }
  const narrowed = await openid.genericGrantRequest(config, exchange, fields, { DPoP })
  assert.equal(narrowed.token_type, 'dpop')
  assert.equal((await ask(narrowed.access_token, { DPoP })).status, 200)
  await assert.rejects(openid.genericGrantRequest(config, exchange, fields, { DPoP: thief }), { error: 'invalid_request', status: 400 })
  await assert.rejects(openid.genericGrantRequest(config, exchange, fields), { error: 'invalid_request', status: 400 })

  const told = await openid.tokenIntrospection(config, granted.access_token)
  assert.equal(told.token_type, 'DPoP')
  assert.equal(told.cnf.jkt, await DPoP.calculateThumbprint())
}

await withOpenID(CLIENT_ID, openid.ClientSecretBasic(CLIENT_SECRET))
await withOpenID(KEY_ID, openid.PrivateKeyJwt(key))

const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))
const client = { client_id: CLIENT_ID }
for (const alg of ['ES256', 'Ed25519']) {
  assert.ok(as.dpop_signing_alg_values_supported.includes(alg))
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(alg))
  const ask = async () => oauth.processClientCredentialsResponse(as, client,
    await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretPost(CLIENT_SECRET), { scope: 'photos:read' }, { DPoP, ...insecure }))
  if (NONCE) {
    await assert.rejects(ask(), (err) => oauth.isDPoPNonceError(err) && err.status === 400)
  }
  const granted = await ask()
  assert.equal(granted.token_type, 'dpop')
  const fetched = async () => oauth.protectedResourceRequest(granted.access_token, 'GET', vault, undefined, undefined, { DPoP, ...insecure })
  const res = await fetched().catch((err) => {
    assert.ok(NONCE && oauth.isDPoPNonceError(err), `${err}`)
    return fetched()
  })
  assert.equal(res.status, 200)
}

// A renewable pass is a refresh token, which is bound with its first use to a key, and then to that alone (RFC 9449, section 5).
const config = await openid.discovery(issuer, CLIENT_ID, undefined, openid.None(), { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] })
const [mine, other] = await Promise.all([1, 2].map(async () => openid.getDPoPHandle(config, await openid.randomDPoPKeyPair())))
const renewed = await openid.refreshTokenGrant(config, REFRESH, undefined, { DPoP: mine })
assert.equal(renewed.token_type, 'dpop')
const again = await openid.refreshTokenGrant(config, renewed.refresh_token, undefined, { DPoP: mine })
assert.equal(decodeJwt(again.access_token).cnf.jkt, await mine.calculateThumbprint())
await assert.rejects(openid.refreshTokenGrant(config, renewed.refresh_token, undefined, { DPoP: other }), { error: 'invalid_grant', status: 400 })
await assert.rejects(openid.refreshTokenGrant(config, renewed.refresh_token), { error: 'invalid_grant', status: 400 })
