import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { expect, test } from 'vitest'

const entry = fileURLToPath(new URL('../src/index.ts', import.meta.url))

/** What a page downloads for these exports, dependencies included, in bytes of gzip. */
async function weight(exports: string): Promise<number> {
  const made = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [{ name: 'page', resolveId: (id) => (id === 'page' ? id : null), load: (id) => (id === 'page' ? `export ${exports} from ${JSON.stringify(entry)}` : null) }],
    build: { write: false, target: 'es2022', rollupOptions: { input: 'page', preserveEntrySignatures: 'strict', output: { format: 'es' } } },
  })
  const { output } = (Array.isArray(made) ? made[0] : made) as { output: { type: string; code?: string }[] }
  return gzipSync(output.map(({ code }) => code ?? '').join(''), { level: 9 }).length
}

test('a page downloads less than 8 kB', async () => {
  const all = await weight('*')
  console.log(`everything: ${all} bytes of gzip`)
  expect(all).toBeLessThan(8_000)
})

test('and only what it uses', async () => {
  const daypass = await weight('{ Daypass }')
  const addresses = await weight('{ Addresses }')
  console.log(`Daypass alone: ${daypass} bytes of gzip; Addresses alone: ${addresses}`)
  expect(daypass).toBeLessThan(5_600)
  expect(addresses).toBeLessThan(700)
})
