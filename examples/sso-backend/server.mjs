// A backend that knows its users by itself (your single sign-on), and gets passes in their names.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Daypass } from '@daypass/client'

const { DAYPASS_URL: url = 'http://localhost:8080', KEY: key, PORT: port = '3000' } = process.env
const api = new Daypass({ url }).client()
const sessions = new Map() // session id → user, as your single sign-on gave it
const locked = new Set() // who may not come in any more

/** A pass for one user: a quarter of an hour, for reading, from the user's address. The page asks again before it ends. */
async function pass(user) {
  const { data, error } = await api.POST('/v1/tokens', {
    headers: { 'api-key': key },
    body: { subject: user, expires_in: 900, scopes: ['photos:read'], no_ip_protection: true },
  })
  if (error) throw new Error(`${error.code}: ${error.detail}`)
  return { token: data.token }
}

const routes = {
  // Stands for the answer of your identity provider.
  'POST /login': async (_, user) => {
    const session = randomUUID()
    sessions.set(session, user)
    return [200, { session }]
  },
  'POST /pass': async (session) => {
    const user = sessions.get(session)
    if (!user || locked.has(user)) return [401, { error: 'log in' }]
    return [200, await pass(user)]
  },
  // Whoever leaves gets no pass any more; the last one is over within 15 minutes.
  'POST /lock': async (_, user) => [200, { locked: Boolean(locked.add(user)) }],
}

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  const route = routes[`${request.method} ${pathname}`] ?? (async () => [404, { error: 'not here' }])
  const [status, body] = await route(request.headers.authorization?.replace('Session ', ''), searchParams.get('user')).catch((error) => [502, { error: error.message }])
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}).listen(Number(port), '127.0.0.1', () => console.log(`http://localhost:${port}`))
