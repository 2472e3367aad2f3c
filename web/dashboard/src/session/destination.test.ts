import { beforeAll, expect, test, vi } from 'vitest'
import { destination, named } from './destination'

beforeAll(() => {
  vi.stubGlobal('location', { origin: 'https://pass.example' })
})

test.each(['/o/acme', '/o/acme/keys?q=x#y', '/device', '/device?user_code=WDJB-MJHT'])('%s is of the dashboard', (to) => expect(destination(to)).toBe(to))

test.each([
  'https://evil.example/o/acme',
  '//evil.example/o/acme',
  '/\\evil.example',
  'javascript:alert(1)',
  '/o/..//evil.example',
  '/o/\t..\t//evil.example',
  '/o/..\\\\evil.example',
  '/o/%2e%2e//evil.example',
  '/o//evil.example',
  '/o/../v1/session',
  '/device.evil.example',
  '/device/../v1/me',
  '/login',
  '/setup',
  '',
  7,
  undefined,
])('%s is not', (to) => expect(destination(to)).toBeUndefined())

test('what would mean something to a shell names nothing', () => {
  expect(['acme', 'org_01k8dn0005f8j1n4r7v0y3b6e9', 'photos-2'].every(named)).toBe(true)
  expect(['$(id)', "x';id;'", 'a b', '..', '', 'x'.repeat(65)].some(named)).toBe(false)
})
