// Proofs of possession as npm jose and oauth4webapi make them, unchanged, at the exchange and at the gateway.
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'

const { DAYPASS_URL: url, DAYPASS_GATEWAY: gateway, KEY: key } = process.env
const vault = `${gateway}/vault/1`

async function exchange(proof) {
  const res = await fetch(`${url}/v1/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, dpop: proof, 'content-type': 'application/json' },
    body: '{}',
  })
  const body = await res.json()
  assert.equal(res.status, 200, JSON.stringify(body))
  assert.equal(body.token_type, 'DPoP')
  return body.token
}

for (const alg of ['ES256', 'EdDSA', 'RS256', 'PS256']) {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  const jwk = await exportJWK(publicKey)
  const prove = (htm, htu, token) =>
    new SignJWT({ htm, htu, jti: randomUUID(), ...(token && { ath: createHash('sha256').update(token).digest('base64url') }) })
      .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk })
      .setIssuedAt()
      .sign(privateKey)

  const token = await exchange(await prove('POST', `${url}/v1/tokens`))
  assert.equal(decodeJwt(token).cnf.jkt, await calculateJwkThumbprint(jwk))
  const ask = async (scheme, proof) => fetch(`${vault}?x=1`, { headers: { authorization: `${scheme} ${token}`, ...(proof && { dpop: proof }) } })
  const proof = await prove('GET', vault, token)
  assert.equal((await ask('DPoP', proof)).status, 200, alg)
  assert.equal((await ask('DPoP', proof)).status, 401, `${alg}: replayed`)
  assert.equal((await ask('Bearer', await prove('GET', vault, token))).status, 401, `${alg}: as a bearer's`)
  assert.equal((await ask('DPoP')).status, 401, `${alg}: without a proof`)
}

// oauth4webapi, with the options that plain http on loopback needs.
const client = { client_id: 'unused' }
for (const alg of ['ES256', 'Ed25519']) {
  const keyPair = await oauth.generateKeyPair(alg)
  const DPoP = oauth.DPoP(client, keyPair)
  const thumbprint = await DPoP.calculateThumbprint()
  const bound = await fetch(`${url}/v1/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ confirmation: thumbprint }),
  })
  const { token } = await bound.json()
  const res = await oauth.protectedResourceRequest(token, 'GET', new URL(vault), undefined, undefined, { DPoP, [oauth.allowInsecureRequests]: true })
  assert.equal(res.status, 200, `oauth4webapi ${alg}`)
}
