import * as client from '@daypass/client'
import { afterEach, expect, test, vi } from 'vitest'
import { askWithPass, envFile, envName, exchangeSnippets, signingSnippets } from './key-snippets'

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

const sample = { gateway: 'http://127.0.0.1:8000', host: 'photos.example', path: '/photos/1' }

/** Runs a program that imports the client library and ends with `answer`. */
async function run(program: string): Promise<Request[]> {
  const sent: Request[] = []
  vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
    sent.push(new Request(input, init))
    return Response.json({ token: 'e30.e30.e30', payload: {} })
  })
  vi.stubGlobal('process', { env: { DAYPASS_KEY: 'dp_test_x', DAYPASS_KEY_ID: 'key_1', DAYPASS_SECRET: 'dps_y' } })
  const body = program.replace(/import (\{.*\}) from '@daypass\/client'/, 'const $1 = client')
  const ask = new Function('client', `return (async () => {${body}\nreturn answer})()`) as (from: typeof client) => Promise<Response>
  expect((await ask(client)).ok).toBe(true)
  return sent
}

test('the programs that are shown run', async () => {
  const plain = await run(exchangeSnippets('https://pass.example', sample, { key: 'dp_test_x' }).js)
  expect(plain.map(({ url, headers }) => [url, headers.get('api-key'), headers.get('authorization')])).toEqual([
    ['https://pass.example/v1/tokens', 'dp_test_x', null],
    ['https://photos.example/photos/1', null, 'Bearer e30.e30.e30'],
  ])
  const [exchange, ask] = await run(signingSnippets('https://pass.example', sample).js)
  expect(exchange?.headers.get('signature-input')).toContain(';keyid="key_1";alg="hmac-sha256"')
  expect(exchange?.headers.has('api-key')).toBe(false)
  expect([ask?.url, ask?.headers.get('authorization')]).toEqual(['https://photos.example/photos/1', 'Bearer e30.e30.e30'])
})

test('the gateway is asked by the name of the application, or by its own', () => {
  expect(askWithPass(sample)).toBe('curl -i http://127.0.0.1:8000/photos/1 \\\n  -H "Host: photos.example" \\\n  -H "Authorization: Bearer $PASS"')
  expect(askWithPass({ ...sample, host: undefined })).toBe('curl -i http://127.0.0.1:8000/photos/1 \\\n  -H "Authorization: Bearer $PASS"')
  expect(askWithPass({ ...sample, gateway: undefined })).toBe('curl -i https://photos.example/photos/1 \\\n  -H "Authorization: Bearer $PASS"')
  expect(exchangeSnippets('https://pass.example', { ...sample, host: undefined }, { key: 'dp_test_x' }).go).toContain('.Get("http://127.0.0.1:8000/photos/1")')
})
