import { expect, test, vi } from 'vitest'
import { Problem } from './problem'

// login.ts speaks for the session of the page, which asks the browser where it is.
vi.stubGlobal('location', { origin: 'http://localhost:8080' })
const { enterWithKey, within } = await import('./login')

const wish = { expires_in: 259_200, renewable: true, ips: ['request_ip', '198.51.100.4'] }

/** Refuses with these codes, one after the other, then grants. */
function exchange(...codes: string[]) {
  const asked: unknown[] = []
  const ask = async (body: unknown) => {
    asked.push(body)
    const code = codes.shift()
    if (code) throw new Problem(403, { code })
    return 'granted'
  }
  return { asked, ask }
}

test.each([
  ['nothing is refused', [], wish],
  ['a key that is bound to other addresses', ['network_exceeded'], { ...wish, ips: ['request_ip'] }],
  ['a key with a shorter life', ['life_exceeded'], { renewable: true, ips: wish.ips }],
  ['a key that may not renew', ['renewable_exceeded'], { expires_in: 259_200, ips: wish.ips }],
  ['all of it', ['ips_too_wide', 'life_exceeded', 'renewable_exceeded'], { ips: ['request_ip'] }],
])('%s: the most that is left is asked for', async (_, codes, last) => {
  const { asked, ask } = exchange(...codes)
  expect(await within(wish, ask)).toBe('granted')
  expect(asked.at(-1)).toEqual(last)
})

test('a key that may not be unbound is bound to this address', async () => {
  const { asked, ask } = exchange('network_exceeded')
  await within({ renewable: true, no_ip_protection: true }, ask)
  expect(asked.at(-1)).toEqual({ renewable: true, ips: ['request_ip'] })
})

test.each(['key_unknown', 'wrong_address', 'too_many_attempts'])('%s is told', async (code) => {
  const { asked, ask } = exchange(code)
  await expect(within(wish, ask)).rejects.toMatchObject({ code })
  expect(asked).toHaveLength(1)
})

test('what stays refused is not asked for for ever', async () => {
  const { ask } = exchange('network_exceeded', 'network_exceeded')
  await expect(within(wish, ask)).rejects.toMatchObject({ code: 'network_exceeded' })
})

test('what cannot be a key is not sent', async () => {
  const send = vi.fn()
  vi.stubGlobal('fetch', send)
  for (const key of ['“dp_live_x”', 'dp_live_x dp_live_y', '']) await expect(enterWithKey(key, '203.0.113.7', true)).rejects.toMatchObject({ code: 'key_malformed' })
  expect(send).not.toHaveBeenCalled()
})
