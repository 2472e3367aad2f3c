// npm jose, and jwks-rsa with jsonwebtoken, verify a pass by the published keys.
import assert from 'node:assert/strict'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import jwksClient from 'jwks-rsa'

const { DAYPASS_URL: url, TOKEN: token, SUBJECT: subject, AUDIENCE: audience = 'acme' } = process.env
const jwks = `${url}/.well-known/jwks.json`
const expected = { issuer: decodeJwt(token).iss, audience }

const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(jwks)), { ...expected, typ: 'at+jwt' })
assert.equal(payload.sub, subject)

const client = jwksClient({ jwksUri: jwks })
const key = await client.getSigningKey(protectedHeader.kid)
const claims = jsonwebtoken.verify(token, key.getPublicKey(), { ...expected, algorithms: [protectedHeader.alg] })
assert.equal(claims.sub, subject)

const [head, body, signature] = token.split('.')
const forged = [head, body, (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)].join('.')
assert.throws(() => jsonwebtoken.verify(forged, key.getPublicKey(), { algorithms: [protectedHeader.alg] }))
await assert.rejects(jwtVerify(forged, createRemoteJWKSet(new URL(jwks))))
