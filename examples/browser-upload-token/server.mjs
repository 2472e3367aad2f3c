// The backend: it has the key, and hands its page passes that can upload for a quarter of an hour and do nothing else.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { Daypass } from '@daypass/client'

const { DAYPASS_URL: url = 'http://localhost:8080', GATEWAY: gateway = 'http://localhost:8000', KEY: key, PORT: port = '3000' } = process.env
const api = new Daypass({ url }).client()

/** What the page may load: its own two files, and the client as npm installed it. */
const files = {
  '/': new URL('index.html', import.meta.url),
  '/page.js': new URL('page.js', import.meta.url),
  '/openapi-fetch.js': new URL(import.meta.resolve('openapi-fetch')),
}
const client = new URL('./', import.meta.resolve('@daypass/client'))

async function pass() {
  const { data, error } = await api.POST('/v1/tokens', {
    headers: { 'api-key': key },
    body: { expires_in: 900, scopes: ['photos:upload'], audience: 'photos', no_ip_protection: true, renewable: false },
  })
  if (error) throw new Error(error.detail)
  return data.token
}

createServer(async (request, response) => {
  try {
    if (request.method === 'POST' && request.url === '/pass') {
      // Here you look at your own session: who is this, and may they upload?
      response.setHeader('content-type', 'application/json')
      return response.end(JSON.stringify({ token: await pass(), gateway }))
    }
    const name = /^\/client\/([a-z.]+\.js)$/.exec(request.url)?.[1]
    const file = name ? new URL(name, client) : files[request.url]
    if (!file) return response.writeHead(404).end()
    response.setHeader('content-type', request.url === '/' ? 'text/html' : 'text/javascript')
    response.end(await readFile(fileURLToPath(file)))
  } catch (error) {
    console.error(error.message)
    response.writeHead(502).end()
  }
}).listen(Number(port), '127.0.0.1', () => console.log(`http://localhost:${port}`))
