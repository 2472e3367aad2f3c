import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the types are those of api/openapi.yaml: npm run generate -w sdk/js', () => {
  const folder = fileURLToPath(new URL('..', import.meta.url))
  const made = execFileSync('npx', ['openapi-typescript', '../../api/openapi.yaml'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  expect(readFileSync(`${folder}src/api.gen.ts`, 'utf8') === made).toBe(true)
}, 30_000)
