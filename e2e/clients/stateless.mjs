// A backend buys a pass at /jwt and verifies it with npm jsonwebtoken and the shared secret.
import assert from 'node:assert/strict'
import jwt from 'jsonwebtoken'
import ms from 'ms'

const { DAYPASS_URL: url, SECRET: secret, ISSUER: issuer, EXPIRES: expires } = process.env

const response = await fetch(`${url}/jwt`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ id: 'videodock', apiKey: process.env.API_KEY, scopes: ['Mutation:Person:Create'] })
})
const body = await response.json()
assert.equal(response.status, 200)
assert.deepEqual(Object.keys(body).sort(), ['jwt', 'success'])
assert.equal(body.success, true)

const claims = jwt.verify(body.jwt, secret, { algorithms: ['HS256'], issuer, audience: 'env', subject: 'videodock' })
assert.equal(claims.scope, 'Mutation:Person:Create')
assert.equal((claims.exp - claims.iat) * 1000, ms(expires))
assert.throws(() => jwt.verify(body.jwt, secret + 'x', { algorithms: ['HS256'] }))

// Whoever has the secret can make passes, but only such as the gate knows.
const forge = claims => jwt.sign(claims, secret, { algorithm: 'HS256', keyid: 'secret', header: { typ: 'at+jwt' } })
console.log(JSON.stringify({ pass: body.jwt, bare: jwt.sign({ id: 'videodock', scopes: ['*'] }, secret), wrong: jwt.sign(claims, secret + 'x', { keyid: 'secret' }), none: forge({ ...claims, iss: 'https://evil.example' }) }))
