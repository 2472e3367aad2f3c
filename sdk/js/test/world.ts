// The real server with an application behind its gateway, for tests; see server.ts.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import createClient, { type Client } from 'openapi-fetch'
import { describe, inject } from 'vitest'
import type { components, paths } from '../src/index.js'

export const server = inject('server')!

/** Runs its tests where there is a server. */
export const withServer = describe.skipIf(!server)

type Schemas = components['schemas']

/** The API with the administrator's key. */
export function office(): Client<paths> {
  return createClient<paths>({ baseUrl: server.api, headers: { 'api-key': server.key } })
}

/** A key with a ceiling; its organization is `main`, which a development server begins with. */
export async function makeKey(body: Schemas['KeyCreate']): Promise<Schemas['KeyCreated']> {
  const { data, error } = await office().POST('/v1/organizations/{org}/keys', { params: { path: { org: 'main' } }, body })
  if (!data) throw new Error(JSON.stringify(error))
  return data
}

/** What reached the application. */
export type Reached = { method: string; path: string; headers: IncomingHttpHeaders; body: string }

/** Puts an application behind the gateway that says what it was sent, until `close`. */
export async function protect(resources: object[]): Promise<{ reached: Reached[]; close: () => void }> {
  const reached: Reached[] = []
  const upstream = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      reached.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body })
      response.end('photo')
    })
  })
  await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
  const { port } = upstream.address() as AddressInfo
  const answer = await fetch(`${server.api}/v1/organizations/main/applications/photos`, {
    method: 'PUT',
    headers: { 'api-key': server.key, 'content-type': 'application/json' },
    body: JSON.stringify({ application: 'photos', upstream: `http://127.0.0.1:${port}`, resources }),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return { reached, close: () => upstream.close() }
}
