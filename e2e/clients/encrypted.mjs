// npm jose decrypts a pass with the exported keys, and verifies what is inside by the published ones.
import assert from 'node:assert/strict'
import { compactDecrypt, createRemoteJWKSet, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'

const { DAYPASS_URL: url, TOKEN: token, KEYS: keys, SUBJECT: subject, AHEAD: ahead } = process.env
const header = decodeProtectedHeader(token)
assert.equal(header.typ, 'at+jwe')
assert.equal(header.cty, 'JWT')
const jwk = JSON.parse(keys).keys.find(key => key.kid === header.kid)
const { plaintext } = await compactDecrypt(token, await importJWK(jwk), {
  keyManagementAlgorithms: ['ECDH-ES'], contentEncryptionAlgorithms: ['A256GCM'],
})
const { payload } = await jwtVerify(new TextDecoder().decode(plaintext), createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`)), {
  audience: 'acme/photos', typ: 'at+jwt', currentDate: new Date(Date.now() + Number(ahead) * 1000),
})
assert.equal(payload.sub, subject)
