// npm oidc-provider, a certified OpenID provider, as an outside issuer: its tokens are exchanged and accepted at the gate.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { generateKeyPair, exportJWK } from 'jose'
import Provider from 'oidc-provider'

const { DAYPASS_URL: url, GATEWAY: gateway, KEY: key } = process.env
const audience = 'https://photos.example'

const server = createServer((request, response) => handle(request, response))
let handle
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

const { privateKey } = await generateKeyPair('RS256', { extractable: true })
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'one' }] },
  clients: [{ client_id: 'robot', client_secret: 'a secret of the robot', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({ scope: 'read', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'RS256' } } }),
    },
  },
})
handle = provider.callback()

const send = async (method, address, credential, body, headers = {}) => {
  const response = await fetch(address, {
    method,
    headers: { ...(credential && { authorization: `Bearer ${credential}` }), ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : {} }
}

const tokenFor = async (resource) => {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`robot:${encodeURIComponent('a secret of the robot')}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read', resource }),
  })
  const answer = await response.json()
  assert.equal(response.status, 200, JSON.stringify(answer))
  return answer.access_token
}

const trust = { issuer, audiences: [audience], accept: 'both', claims: { client_id: 'robot' }, scopes: ['photos:read'] }
const at = `${url}/v1/organizations/acme/issuers/provider`
const token = await tokenFor(audience)
assert.equal((await send('POST', `${url}/v1/tokens`, token, {})).status, 401)
assert.equal((await send('PUT', at, key, trust)).status, 201)

const made = await send('POST', `${url}/v1/tokens`, token, { scopes: ['photos:read'] })
assert.equal(made.status, 200, made.text)
assert.equal(made.body.payload.sub, 'provider|robot')
// fetch sets Host itself, so the way in is the application that serves any host.
for (const credential of [made.body.token, token]) {
  const seen = await send('GET', `${gateway}/photos/1`, credential)
  assert.equal(seen.status, 200, seen.text)
}
const other = await tokenFor('https://elsewhere.example')
assert.equal((await send('GET', `${gateway}/photos/1`, other)).status, 401)
assert.equal((await send('POST', `${url}/v1/tokens`, other, {})).body.code, 'issuer_untrusted')

assert.equal((await send('PUT', at, key, { ...trust, active: false })).status, 200)
for (const credential of [made.body.token, token]) {
  assert.equal((await send('GET', `${gateway}/photos/1`, credential)).status, 401)
  assert.equal((await send('POST', `${url}/v1/tokens`, credential, {})).status, 401)
}
server.close()
server.closeAllConnections()
