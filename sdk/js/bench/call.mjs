// What the client adds to a call, beside the network: over a fetch that answers at once, and over a real one on loopback.
import { createServer } from 'node:http'
import { Daypass, SenderKey, Signer } from '../dist/index.js'

const claims = { iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 86_400, rn: true, jti: 'tok_1' }
const token = `e30.${btoa(JSON.stringify(claims))}.${'x'.repeat(86)}`
const url = 'https://pass.example.com'
const instant = async () => new Response('photo')

async function ready(send) {
  const daypass = new Daypass({ url, fetch: send, origins: ['http://127.0.0.1'] })
  await daypass.use(token)
  return daypass
}

/** Microseconds that one call takes longer than another: the best round of each, turn by turn, when both are warm. */
async function added(call, floor, rounds = 9, calls = 2000) {
  const best = [Infinity, Infinity]
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of [floor, call].entries()) {
      const begin = performance.now()
      for (let n = 0; n < calls; n++) await one()
      if (round > 1) best[i] = Math.min(best[i], ((performance.now() - begin) * 1000) / calls)
    }
  }
  return { more: best[1] - best[0], floor: best[0] }
}

const address = `${url}/photos/7`
const sender = await SenderKey.open()
const report = {
  'with a pass': await ready(instant),
  'with DPoP': await ready(sender.transport(instant)),
  'signed, with a body of 1 KiB': await ready(new Signer('key_1', 'dps_x').transport(instant)),
}
console.log('over a fetch that answers at once:')
for (const [name, daypass] of Object.entries(report)) {
  const init = name.includes('body') ? { method: 'POST', body: 'x'.repeat(1024) } : undefined
  const { more } = await added(
    () => daypass.fetch(address, init),
    () => instant(address),
  )
  console.log(`  ${name.padEnd(30)} ${more.toFixed(1).padStart(7)} µs`)
  if (more > 1000) process.exitCode = 1
}

const server = createServer((_, response) => response.end('photo')).listen(0, '127.0.0.1')
await new Promise((done) => server.once('listening', done))
const origin = `http://127.0.0.1:${server.address().port}`
const daypass = new Daypass({ url: origin })
await daypass.use(token)
const drain = async (answer) => (await answer).text()
const { more, floor } = await added(
  async () => drain(await daypass.fetch(origin)),
  async () => drain(await fetch(origin)),
  8,
  1000,
)
console.log(`over HTTP on loopback: ${floor.toFixed(0)} µs a call, and ${more.toFixed(0)} µs more with the client`)
server.close()
server.closeAllConnections()
