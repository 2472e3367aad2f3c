// npm jose, and jwks-rsa with jsonwebtoken, verify passes of the key before a rotation and of the key after it, with one cache.
import assert from 'node:assert/strict'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import jwksClient from 'jwks-rsa'

const { DAYPASS_URL: url, BEFORE: before, AFTER: after, SUBJECT: subject, AHEAD: ahead } = process.env
const jwks = `${url}/.well-known/jwks.json`
const now = Math.floor(Date.now() / 1000) + Number(ahead) // the server's clock is ahead in this test
const expected = { issuer: decodeJwt(before).iss, audience: 'acme' }

assert.notEqual(decodeProtectedHeader(before).kid, decodeProtectedHeader(after).kid)
assert.equal(decodeProtectedHeader(after).alg, 'RS256')

const keys = createRemoteJWKSet(new URL(jwks))
const client = jwksClient({ jwksUri: jwks, cache: true })
for (const token of [before, after, before]) {
  const { payload, protectedHeader } = await jwtVerify(token, keys, { ...expected, typ: 'at+jwt', currentDate: new Date(now * 1000) })
  assert.equal(payload.sub, subject)
  const key = await client.getSigningKey(protectedHeader.kid)
  const claims = jsonwebtoken.verify(token, key.getPublicKey(), { ...expected, algorithms: [protectedHeader.alg], clockTimestamp: now })
  assert.equal(claims.sub, subject)
}
