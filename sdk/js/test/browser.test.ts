// In Chromium: what Node has not. Two tabs, Web Locks, a key in IndexedDB.
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from 'vite'
import { makeKey, server } from './world.js'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
if (!executablePath) console.warn('without Chromium the tests in a browser are left out')

type Client = typeof import('../src/index.js')
declare global {
  var client: Client
  var daypass: InstanceType<Client['Daypass']>
}

describe.skipIf(!executablePath || !server)('in a browser', () => {
  let browser: Browser
  let site: Server
  let origin: string
  let renewals = 0

  beforeAll(async () => {
    const entry = fileURLToPath(new URL('../src/index.ts', import.meta.url))
    const made = await build({ configFile: false, logLevel: 'silent', build: { write: false, lib: { entry, formats: ['es'] } } })
    const code = (Array.isArray(made) ? made[0]! : (made as { output: { code: string }[] })).output[0]!.code
    // The page is of the server's own origin, as the dashboard is: what is not the page goes on to the server.
    site = createServer(async (request, response) => {
      if (request.url === '/page') return response.setHeader('content-type', 'text/html').end('<title>x</title><script type="module">import * as c from "/client.js"; globalThis.client = c</script>')
      if (request.url === '/client.js') return response.setHeader('content-type', 'text/javascript').end(code)
      if (request.url === '/v1/tokens') renewals++
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const { host: _, connection: __, ...headers } = request.headers as Record<string, string>
      const answer = await fetch(server.api + request.url, { method: request.method!, headers: { ...headers, host: new URL(server.api).host }, ...(parts.length ? { body: Buffer.concat(parts) } : {}) })
      for (const name of ['content-type', 'dpop-nonce', 'www-authenticate', 'date']) if (answer.headers.has(name)) response.setHeader(name, answer.headers.get(name)!)
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
    })
    await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
    origin = `http://localhost:${(site.address() as AddressInfo).port}`
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    site?.close()
  })

  async function opened(context: Awaited<ReturnType<Browser['newContext']>>): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${origin}/page`)
    await page.waitForFunction(() => 'client' in globalThis)
    return page
  }

  test('two tabs renew once, and a logout is one for both', async () => {
    const { key } = await makeKey({ scopes: ['photos:read'], roles: [] })
    const grant = await (await fetch(`${server.api}/v1/tokens`, { method: 'POST', headers: { 'api-key': key, 'content-type': 'application/json' }, body: '{"expires_in":8,"ips":["request_ip"],"renewable":true}' })).json()
    const context = await browser.newContext()
    const tabs = [await opened(context), await opened(context)]
    renewals = 0
    for (const tab of tabs)
      await tab.evaluate(async (pass) => {
        globalThis.daypass = new client.Daypass({ url: location.origin, onLoginRequired: ({ code }) => (document.title = code) })
        await daypass.use(pass)
      }, grant)
    await expect.poll(() => renewals, { timeout: 9_000 }).toBe(1)
    const texts = () => Promise.all(tabs.map((tab) => tab.evaluate(() => daypass.token())))
    await expect.poll(async () => new Set([...(await texts()), grant.token]).size, { timeout: 3_000 }).toBe(2)
    const [one, two] = await texts()
    expect(one).toBe(two)
    await tabs[0]!.evaluate(() => daypass.logout())
    await expect.poll(() => tabs[1]!.title()).toBe('logged_out')
    expect(renewals).toBe(1)
    await context.close()
  }, 30_000)

  test('the keys of a browser stay in it', async () => {
    const context = await browser.newContext()
    const page = await opened(context)
    const look = () =>
      page.evaluate(async () => {
        const [sender, identity] = [await client.SenderKey.open(), await client.Identity.open()]
        return { thumbprint: sender.thumbprint, did: identity.did, exported: await identity.export().catch(() => 'refused') }
      })
    const first = await look()
    expect(first).toMatchObject({ exported: 'refused', did: expect.stringMatching(/^did:key:z6Mk/) })
    await page.reload()
    await page.waitForFunction(() => 'client' in globalThis)
    expect(await look()).toEqual(first)
    const racing = await Promise.all([page, await opened(context)].map((one) => one.evaluate(async () => (await client.SenderKey.open('race')).thumbprint)))
    expect(new Set(racing).size).toBe(1)
    await context.close()
  }, 30_000)

  test('a user logs in from a page', async () => {
    const group = await makeKey({ kind: 'ug', scopes: ['photos:read'], roles: [] })
    const page = await opened(await browser.newContext())
    const subject = await page.evaluate(
      async ([key, issuer]) => {
        const identity = await client.Identity.open()
        const { payload } = await client.logIn({ url: location.origin, issuer: issuer!, key: key!, identity })
        return payload.sub
      },
      [group.id, server.issuer],
    )
    expect(subject).toMatch(/^idn_\w+$/)
  }, 30_000)
})

test('the package has what it needs and no more', () => {
  const { dependencies, files, sideEffects } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect({ dependencies: Object.keys(dependencies), files, sideEffects }).toEqual({ dependencies: ['openapi-fetch'], files: ['dist', 'README.md'], sideEffects: false })
})
