// The examples are run as their READMEs say.
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { build } from 'vite'
import { makeKey, protect, server, withServer } from './world.js'

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url))
const run = promisify(execFile)
const scratch = mkdtempSync(join(tmpdir(), 'daypass-examples-'))

afterAll(() => rmSync(scratch, { recursive: true }))

const environment = (more: Record<string, string>) => ({ PATH: process.env.PATH, NODE_NO_WARNINGS: '1', DAYPASS_URL: server.api, ...more })

async function freePort(): Promise<string> {
  const one = createServer()
  await new Promise<void>((done) => one.listen(0, '127.0.0.1', done))
  const { port } = one.address() as AddressInfo
  await new Promise((done) => one.close(done))
  return String(port)
}

/** Starts a program and waits until its address answers anything. */
async function started(script: string, port: string, more: Record<string, string>): Promise<() => void> {
  const child = spawn(process.execPath, [join(examples, script)], { env: environment(more), stdio: ['ignore', 'ignore', 'inherit'] })
  for (let i = 0; i < 100; i++) {
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) return () => void child.kill()
    await new Promise((done) => setTimeout(done, 50))
  }
  child.kill()
  throw new Error(`${script} does not answer`)
}

withServer('examples', () => {
  test('node-worker and key-pair-login', async () => {
    const { reached, close } = await protect([{ match: 'GET /**', require: { scopes: ['photos:read'] } }])
    const TARGET = `${server.gateway}/photos/7`
    const { key: KEY } = await makeKey({ scopes: ['photos:*'], roles: [] })
    const worker = await run(process.execPath, [join(examples, 'node-worker/worker.mjs')], { env: environment({ KEY, TARGET, TIMES: '3', PAUSE: '10' }), timeout: 10_000 })
    expect(worker.stdout.trim().split('\n')).toEqual(Array(3).fill(expect.stringMatching(/^200 the pass is good for (900|899|901) s$/)))

    const group = await makeKey({ kind: 'ug', scopes: ['photos:read'], roles: [] })
    const IDENTITY = join(scratch, 'identity.txt')
    const login = () => run(process.execPath, [join(examples, 'key-pair-login/login.mjs')], { env: environment({ GROUP: group.id, ISSUER: server.issuer, TARGET, IDENTITY }), timeout: 10_000 })
    const [first, second] = [await login(), await login()]
    expect(first.stdout).toMatch(/I am {4}did:key:z6Mk\w+\nanswer {2}200 photo/)
    expect(second.stdout).toBe(first.stdout)
    expect(statSync(IDENTITY).mode & 0o777).toBe(0o600)
    expect(new Set(reached.slice(-2).map(({ headers }) => headers['x-daypass-subject'])).size).toBe(1)
    close()
  }, 30_000)

  test('browser-upload-token', async () => {
    const [port, photos] = [await freePort(), await freePort()]
    const file = readFileSync(join(examples, 'browser-upload-token/photos.yaml'), 'utf8').replace('127.0.0.1:9000', `127.0.0.1:${photos}`)
    const put = await fetch(`${server.api}/v1/organizations/main/applications/photos`, { method: 'PUT', headers: { 'api-key': server.key, 'content-type': 'application/yaml' }, body: file })
    expect(put.ok, await put.clone().text()).toBe(true)
    const { key: KEY } = await makeKey({ scopes: ['photos:upload'], roles: [] })
    const page = `http://localhost:${port}`
    const stops = [await started('browser-upload-token/photos.mjs', photos, { PHOTOS_PORT: photos, PAGE: page }), await started('browser-upload-token/server.mjs', port, { KEY, PORT: port, GATEWAY: server.gateway })]
    try {
      for (const path of ['/', '/page.js', '/openapi-fetch.js', '/client/index.js', '/client/daypass.js']) expect((await fetch(`http://127.0.0.1:${port}${path}`)).status, path).toBe(200)
      const { token, gateway } = (await (await fetch(`http://127.0.0.1:${port}/pass`, { method: 'POST' })).json()) as { token: string; gateway: string }
      const asked = await fetch(`${gateway}/photos`, { method: 'OPTIONS', headers: { origin: page, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' } })
      expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, page])
      const uploaded = await fetch(`${gateway}/photos`, { method: 'POST', headers: { authorization: `Bearer ${token}`, origin: page }, body: 'photo' })
      expect([uploaded.status, await uploaded.json()]).toEqual([201, { bytes: 5 }])
      const renewed = await fetch(`${server.api}/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
      expect(renewed.status).toBe(403)
    } finally {
      for (const stop of stops) stop()
    }
  }, 30_000)

  test('sso-backend', async () => {
    const port = await freePort()
    const { key: KEY } = await makeKey({ scopes: ['photos:read'], roles: [], may_name_subjects: true })
    const stop = await started('sso-backend/server.mjs', port, { KEY, PORT: port })
    const post = async (path: string, session = '') => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { authorization: `Session ${session}` } })
      return { status: answer.status, ...((await answer.json()) as { session?: string; token?: string }) }
    }
    try {
      const { session } = await post('/login?user=customer-4711')
      const { token = '' } = await post('/pass', session)
      expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({ sub: 'customer-4711', rn: false, expt: 900 })
      expect((await post('/pass', 'forged')).status).toBe(401)
      await post('/lock?user=customer-4711')
      expect((await post('/pass', session)).status).toBe(401)
    } finally {
      stop()
    }
  }, 30_000)
})

test('react-app is built', async () => {
  await build({ root: join(examples, 'react-app'), logLevel: 'silent', build: { outDir: join(scratch, 'react'), emptyOutDir: true } })
  expect(readFileSync(join(scratch, 'react/index.html'), 'utf8')).toMatch(/assets\/index-.*\.js/)
}, 60_000)
