// npm openid-client and oauth4webapi get, describe and end passes, unchanged: the server is found by its metadata.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { SignJWT, decodeJwt, importJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, KEY_ID, PRIVATE_JWK, ED_ID, ED_JWK, ACTOR, RESOURCE, FOREIGN } = process.env
const issuer = new URL(ISSUER)
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const privateKey = async (text, alg) => ({ key: await importJWK(JSON.parse(text), alg), kid: JSON.parse(text).kid })

async function withOpenID(id, auth) {
  const config = await openid.discovery(issuer, id, undefined, auth, { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] })
  const granted = await openid.clientCredentialsGrant(config, { scope: 'photos:read photos:write', resource: RESOURCE })
  assert.equal(granted.token_type, 'bearer')
  assert.equal(granted.scope, 'photos:read photos:write')
  assert.equal(decodeJwt(granted.access_token).aud, 'acme/photos')
  assert.equal(decodeJwt(granted.access_token).client_id, id)
  assert.ok(granted.expires_in > 0)

  const narrowed = await openid.genericGrantRequest(config, exchange, {
    subject_token: granted.access_token, subject_token_type: accessToken, scope: 'photos:read',
  })
  assert.equal(narrowed.issued_token_type, accessToken)
  assert.equal(narrowed.scope, 'photos:read')
  assert.equal(decodeJwt(narrowed.access_token).act, undefined)

  const delegated = await openid.genericGrantRequest(config, exchange, {
    subject_token: granted.access_token, subject_token_type: accessToken, actor_token: ACTOR, actor_token_type: accessToken,
  })
  const claims = decodeJwt(delegated.access_token)
  assert.equal(claims.act.sub, decodeJwt(ACTOR).sub)
  assert.equal(claims.sub, decodeJwt(granted.access_token).sub)
  assert.equal(claims.rn, false)

  await assert.rejects(
    openid.genericGrantRequest(config, exchange, { subject_token: narrowed.access_token, subject_token_type: accessToken, scope: 'photos:write' }),
    { error: 'invalid_scope', status: 400 },
  )
  await assert.rejects(
    openid.clientCredentialsGrant(config, { resource: 'https://elsewhere.example' }),
    { error: 'invalid_target' },
  )
  await assert.rejects(openid.genericGrantRequest(config, 'password', { username: 'ada', password: 'x' }), { error: 'unsupported_grant_type' })

  const told = await openid.tokenIntrospection(config, delegated.access_token)
  assert.equal(told.active, true)
  assert.equal(told.act.sub, claims.act.sub)
  assert.deepEqual(await openid.tokenIntrospection(config, FOREIGN), { active: false })
  assert.deepEqual(await openid.tokenIntrospection(config, 'not-a-pass'), { active: false })
  await openid.tokenRevocation(config, granted.access_token)
  for (const dead of [granted, narrowed, delegated]) {
    assert.deepEqual(await openid.tokenIntrospection(config, dead.access_token), { active: false })
  }
  await openid.tokenRevocation(config, 'not-a-pass')
}

await withOpenID(CLIENT_ID, openid.ClientSecretBasic(CLIENT_SECRET))
await withOpenID(CLIENT_ID, openid.ClientSecretPost(CLIENT_SECRET))
await withOpenID(KEY_ID, openid.PrivateKeyJwt(await privateKey(PRIVATE_JWK, 'ES256')))
await withOpenID(ED_ID, openid.PrivateKeyJwt(await privateKey(ED_JWK, 'Ed25519')))

const insecure = { [oauth.allowInsecureRequests]: true }
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))
assert.deepEqual(as.grant_types_supported, ['client_credentials', 'refresh_token', jwtBearer, exchange])

async function withWebAPI(id, auth) {
  const client = { client_id: id }
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: 'photos:read', audience: 'photos' }, insecure)
  assert.match(response.headers.get('cache-control'), /no-store/)
  const granted = await oauth.processClientCredentialsResponse(as, client, response)
  const api = new Request(`${ISSUER}/v1/forward-auth`, { headers: { authorization: `Bearer ${granted.access_token}` } })
  const parsed = await oauth.validateJwtAccessToken(as, api, 'acme/photos', insecure) // RFC 9068
  assert.equal(parsed.scope, 'photos:read')
  const asked = await oauth.introspectionRequest(as, client, auth, granted.access_token, insecure)
  assert.equal((await oauth.processIntrospectionResponse(as, client, asked)).active, true)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, granted.access_token, insecure))
  const again = await oauth.introspectionRequest(as, client, auth, granted.access_token, insecure)
  assert.deepEqual(await oauth.processIntrospectionResponse(as, client, again), { active: false })
}

await withWebAPI(CLIENT_ID, oauth.ClientSecretBasic(CLIENT_SECRET))
await withWebAPI(CLIENT_ID, oauth.ClientSecretPost(CLIENT_SECRET))
await withWebAPI(KEY_ID, oauth.PrivateKeyJwt(await privateKey(PRIVATE_JWK, 'ES256')))

// A grant that the client signs itself (RFC 7523), and a renewable pass as refresh token.
const { key } = await privateKey(PRIVATE_JWK, 'ES256')
const assertion = await new SignJWT({ jti: randomUUID() }).setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
  .setIssuer(KEY_ID).setSubject(KEY_ID).setAudience(ISSUER).setIssuedAt().setExpirationTime('1m').sign(key)
const bearer = async () => oauth.processGenericTokenEndpointResponse(as, { client_id: KEY_ID },
  await oauth.genericTokenEndpointRequest(as, { client_id: KEY_ID }, oauth.None(), jwtBearer, { assertion, scope: 'photos:read' }, insecure))
assert.equal(decodeJwt((await bearer()).access_token).client_id, KEY_ID)
await assert.rejects(bearer(), { error: 'invalid_grant' })
