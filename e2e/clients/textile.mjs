// npm @textile/security makes what a key of ours is proved by, unchanged.
import assert from 'node:assert/strict'
import security from '@textile/security'

const { DAYPASS_URL: url, KEY: key, SECRET: secret } = process.env
const { createAPISig, createUserAuth } = security

async function exchange ({ key, sig, msg, token }) {
  const headers = { 'x-textile-api-key': key, 'x-textile-api-sig': sig, 'x-textile-api-sig-msg': msg }
  if (token) headers.authorization = `bearer ${token}`
  const answer = await fetch(`${url}/v1/tokens`, { method: 'POST', headers })
  return { status: answer.status, ...(await answer.json()) }
}

const auth = await createUserAuth(key, secret, new Date(Date.now() + 60_000))
const made = await exchange(auth)
assert.equal(made.status, 200, JSON.stringify(made))
assert.equal((await exchange(await createUserAuth(key, secret))).status, 200, 'half an hour, which it does by itself')

const renewed = await exchange(await createUserAuth(key, secret, new Date(Date.now() + 60_000), made.token))
assert.ok(renewed.status === 200 || renewed.code === 'not_renewable', JSON.stringify(renewed))

for (const [what, date] of Object.entries({ past: new Date(Date.now() - 1000), 'twenty years': new Date(Date.now() + 20 * 365 * 86_400_000) })) {
  const refused = await exchange({ key, ...(await createAPISig(secret, date)) })
  assert.equal(refused.status, 401, what)
  assert.equal(refused.code, 'signature_expired', what)
}
const other = await exchange({ ...auth, msg: new Date(Date.now() + 61_000).toISOString() })
assert.equal(other.code, 'signature_invalid')
