import * as client from '@daypass/client'
import { afterEach, expect, test, vi } from 'vitest'
import { envFile, envName, exchangeSnippets, signingSnippets } from './key-snippets'

afterEach(() => vi.unstubAllGlobals())

test('a comment cannot put lines of its own into the file', () => {
  const created = { id: 'key_1', key: 'dp_test_x', comment: 'shop\nDAYPASS_URL=https://elsewhere.example' }
  expect(envFile('https://pass.example', created)).toBe('# shop DAYPASS_URL=https://elsewhere.example (key_1)\nDAYPASS_URL=https://pass.example\nDAYPASS_KEY=dp_test_x\n')
  expect(envFile('https://pass.example', { ...created, secret: 'dps_y' })).toContain('\nDAYPASS_KEY_ID=key_1\nDAYPASS_SECRET=dps_y\n')
})

test('nor anything but letters and digits into its name', () => {
  const name = (comment: string) => envName({ id: 'key_1', key: 'dp_test_x', comment })
  expect(name('The shop\'s "$(key)"\n../..')).toBe('the-shop-s-key.env')
  expect(name('…')).toBe('daypass.env')
})

/** Runs a program that imports the client library and ends with `pass`. */
async function run(program: string): Promise<{ pass: string; sent: Request[] }> {
  const sent: Request[] = []
  vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
    sent.push(new Request(input, init))
    return Response.json({ token: 'e30.e30.e30', payload: {} })
  })
  vi.stubGlobal('process', { env: { DAYPASS_KEY: 'dp_test_x', DAYPASS_KEY_ID: 'key_1', DAYPASS_SECRET: 'dps_y' } })
  const body = program.replace(/import (\{.*\}) from '@daypass\/client'/, 'const $1 = client')
  const made = new Function('client', `return (async () => {${body}\nreturn pass})()`) as (from: typeof client) => Promise<string>
  return { pass: await made(client), sent }
}

test('the programs that are shown run', async () => {
  const plain = await run(exchangeSnippets('https://pass.example').js)
  expect(plain.pass).toBe('e30.e30.e30')
  expect(plain.sent.map(({ url, headers }) => [url, headers.get('api-key')])).toEqual([['https://pass.example/v1/tokens', 'dp_test_x']])
  const signed = await run(signingSnippets('https://pass.example').js)
  expect(signed.pass).toBe('e30.e30.e30')
  expect(signed.sent[0]?.headers.get('signature-input')).toContain(';keyid="key_1";alg="hmac-sha256"')
  expect(signed.sent[0]?.headers.has('api-key')).toBe(false)
})
