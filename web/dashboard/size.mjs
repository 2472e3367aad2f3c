// Holds the first load of the dashboard to its bound: what index.html asks for before a
// page is there, and the page that most people see first, the login.
import { readFileSync, readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const bound = 220_000 // bytes, gzip
const dist = new URL('../dist/', import.meta.url)
const html = readFileSync(new URL('index.html', dist), 'utf8')
const asked = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path)
const login = readdirSync(new URL('assets/', dist)).filter((name) => /^login-.*\.js$/.test(name)).map((name) => `assets/${name}`)

const line = (size, what) => `${(size / 1000).toFixed(1).padStart(7)} kB  ${what}`
let sum = gzipSync(html).length
const parts = [...new Set([...asked, ...login])].map((path) => {
  const size = gzipSync(readFileSync(new URL(path, dist)), { level: 9 }).length
  sum += size
  return line(size, path)
})
if (sum > bound) console.log(parts.join('\n'))
console.log(line(sum, `first load of the dashboard, gzip; ${bound / 1000} kB at most`))
if (sum > bound) process.exit(1)
