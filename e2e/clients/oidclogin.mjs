// npm oidc-provider, a certified OpenID provider, lets somebody log in at the dashboard: the authorization code flow with PKCE, as
// a browser goes through it, with a confidential and with a public client.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { generateKeyPair, exportJWK } from 'jose'
import Provider from 'oidc-provider'

const { DAYPASS_URL: url, PUBLIC_URL: publicURL, KEY: key } = process.env
const server = createServer((request, response) => handle(request, response))
let handle
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
const callback = (name) => `${publicURL}/v1/login/oidc/acme/${name}/callback`

const { privateKey } = await generateKeyPair('RS256', { extractable: true })
const client = { grant_types: ['authorization_code'], response_types: ['code'] }
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'one' }] },
  cookies: { keys: ['some key of the cookies'] },
  clients: [
    { ...client, client_id: 'dashboard', client_secret: 'a secret: of the dashboard?', redirect_uris: [callback('staff')] },
    { ...client, client_id: 'public', token_endpoint_auth_method: 'none', redirect_uris: [callback('everybody')], application_type: 'native' },
  ],
  pkce: { required: () => true },
  claims: { openid: ['sub', 'groups'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, groups: ['staff'] }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
})
const provide = provider.callback()
// Who is asked to log in or to consent does so at once.
handle = async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return provide(request, response)
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') return provider.interactionFinished(request, response, { login: { accountId: 'ann' } }, {})
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
  grant.addOIDCScope('openid')
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true })
}

const send = async (method, path, credential, body, headers = {}) => {
  const response = await fetch(url + path, {
    method, headers: { ...(credential && { authorization: `Bearer ${credential}` }), ...(body && { 'content-type': 'application/json' }), ...headers }, body: body && JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : {} }
}

// A browser as far as redirects and cookies go. The public address leads to the server.
const login = async (start, jars = { [url]: {}, [issuer]: {} }) => {
  for (let at = start, hops = 0; hops < 12; hops++) {
    const to = at.startsWith(publicURL) ? url + at.slice(publicURL.length) : at
    const origin = new URL(to).origin
    const jar = jars[origin]
    const response = await fetch(to, { redirect: 'manual', headers: { cookie: Object.entries(jar).map(([name, value]) => `${name}=${value}`).join('; ') } })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/)
      if (/Max-Age=0|expires=Thu, 01 Jan 1970/i.test(line)) delete jar[name]
      else jar[name] = value
    }
    const location = response.headers.get('location')
    assert.ok(location, `${to}: ${response.status} ${await response.text()}`)
    at = new URL(location, to).href
    if (at.startsWith(url) && !new URL(at).pathname.startsWith('/v1/')) return { at: at.slice(url.length), jar: jars[url] }
  }
  assert.fail('it goes round in circles')
}

for (const [name, settings] of Object.entries({
  staff: { client_id: 'dashboard', client_secret: 'a secret: of the dashboard?' },
  everybody: { client_id: 'public' },
})) {
  const trust = { issuer, audiences: [settings.client_id], claims: { groups: 'staff' }, scopes: ['daypass:*'], roles: ['account_manager'], login: settings }
  const made = await send('PUT', `/v1/organizations/acme/issuers/${name}`, key, trust)
  assert.equal(made.status, 201, made.text)
  const offered = await send('GET', '/v1/login')
  assert.ok(offered.body.issuers.some((i) => i.id === made.body.id && i.organization === 'acme'), offered.text)

  const done = await login(`${url}/v1/login/oidc/${made.body.id}?return_to=/o/acme/keys`)
  assert.equal(done.at, '/o/acme/keys')
  const session = await send('GET', '/v1/session', null, null, { 'sec-fetch-site': 'same-origin', 'daypass-session': '1', cookie: `__Host-daypass=${done.jar['__Host-daypass']}` })
  assert.equal(session.status, 200, session.text)
  assert.equal(session.body.payload.sub, `${name}|ann`)
  const me = await send('GET', '/v1/me', session.body.token)
  assert.equal(me.status, 200, me.text)
  assert.equal((await send('GET', '/v1/organizations/acme/keys', session.body.token)).status, 200)

  const logout = await send('DELETE', '/v1/session', session.body.token)
  assert.equal(logout.status, 204, logout.text)
  assert.equal((await send('GET', '/v1/me', session.body.token)).status, 401)
}
server.close()
server.closeAllConnections()
