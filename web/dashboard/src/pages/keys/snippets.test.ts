import { expect, test } from 'vitest'
import { envFile } from './snippets'

test('a comment cannot put lines of its own into the file', () => {
  const created = { id: 'key_1', key: 'dp_test_x', comment: 'shop\nDAYPASS_URL=https://elsewhere.example' }
  expect(envFile('https://pass.example', created)).toBe('# shop DAYPASS_URL=https://elsewhere.example (key_1)\nDAYPASS_URL=https://pass.example\nDAYPASS_KEY=dp_test_x\n')
  expect(envFile('https://pass.example', { ...created, secret: 'dps_y' })).toContain('\nDAYPASS_KEY_ID=key_1\nDAYPASS_SECRET=dps_y\n')
})
