// Users log in with a public key: npm @textile/crypto over HTTP and, with the messages of Textile's own clients, over
// WebSocket; WebCrypto with Ed25519 and P-256.
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { createRequire } from 'node:module'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { PrivateKey } = createRequire(import.meta.url)('@textile/crypto')
const { DAYPASS_URL: url, ISSUER: issuer, GROUP: key } = process.env
const jwks = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))

async function post(path, body, status = 200) {
  const res = await fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  const answer = await res.json()
  assert.equal(res.status, status, JSON.stringify(answer))
  return answer
}

async function logIn(publicKey, sign) {
  const { id, challenge } = await post('/v1/challenges', { public_key: publicKey, key })
  const text = ['daypass challenge v1', issuer, id, challenge].join('\n')
  const signature = Buffer.from(await sign(new TextEncoder().encode(text))).toString('base64url')
  const { token } = await post(`/v1/challenges/${id}`, { signature, expires_in: 900 })
  const { payload } = await jwtVerify(token, jwks, { issuer, audience: 'acme', typ: 'at+jwt' })
  assert.equal((await post(`/v1/challenges/${id}`, { signature }, 401)).code, 'challenge_used')
  return payload
}

// Textile's keys, over HTTP.
const identity = PrivateKey.fromRandom()
const first = await logIn(identity.public.toString(), (text) => identity.sign(text))
assert.match(first.sub, /^idn_/)
assert.equal(first.via, first.sub)

// And as Textile's documentation has it, over WebSocket.
function loginWithChallenge(identity) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/challenges/ws?key=${key}`)
    socket.onopen = () => socket.send(JSON.stringify({ pubkey: identity.public.toString(), type: 'token' }))
    socket.onerror = reject
    socket.onmessage = async (event) => {
      const data = JSON.parse(event.data)
      switch (data.type) {
        case 'error':
          return reject(new Error(data.value))
        case 'challenge': {
          const signed = await identity.sign(Buffer.from(data.value))
          return socket.send(JSON.stringify({ type: 'challenge', sig: Buffer.from(signed).toJSON() }))
        }
        case 'token':
          return resolve(data.value)
      }
    }
  })
}
if (typeof WebSocket === 'function') {
  const { token } = await loginWithChallenge(identity)
  assert.equal((await jwtVerify(token, jwks, { issuer })).payload.sub, first.sub)
  const stranger = PrivateKey.fromRandom()
  await assert.rejects(loginWithChallenge({ public: identity.public, sign: (text) => stranger.sign(text) }), /signature/)
}

// The browser's own keys, as JWK. The same key in another form is the same identity.
const ed25519 = await webcrypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
const signEd25519 = (text) => webcrypto.subtle.sign('Ed25519', ed25519.privateKey, text)
const second = await logIn(await webcrypto.subtle.exportKey('jwk', ed25519.publicKey), signEd25519)
const raw = Buffer.from(await webcrypto.subtle.exportKey('raw', ed25519.publicKey))
assert.equal((await logIn(raw.toString('base64url'), signEd25519)).sub, second.sub)
assert.notEqual(second.sub, first.sub)

const p256 = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
const third = await logIn(await webcrypto.subtle.exportKey('jwk', p256.publicKey), (text) => webcrypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, p256.privateKey, text))
assert.match(third.sub, /^idn_/)
