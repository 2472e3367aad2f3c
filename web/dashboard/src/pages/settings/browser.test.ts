import { expect, it } from 'vitest'
import { browserOf } from './browser'

it('knows browsers that name others', () => {
  expect(browserOf('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36')).toBe('Chrome, Linux')
  expect(browserOf('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36 Edg/146.0')).toBe('Edge, Windows')
  expect(browserOf('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1')).toBe('Safari, iPhone')
})

it('takes what is no browser by its name', () => {
  expect(browserOf('daypass/1.0 linux')).toBe('daypass/1.0')
  expect(browserOf('')).toBe('unknown')
})
