// A program that runs for weeks: it exchanges its key once, and renews its pass from then on.
import { setTimeout as sleep } from 'node:timers/promises'
import { Daypass } from '@daypass/client'

const { DAYPASS_URL: url = 'http://localhost:8080', TARGET: target = 'http://localhost:8000/photos/7', KEY: key, TIMES: times = 'Infinity', PAUSE: pause = '1000' } = process.env

const daypass = new Daypass({
  url,
  origins: [new URL(target).origin],
  tokenOptions: { expires_in: 900, scopes: ['photos:read'], ips: ['request_ip'], renewable: true },
  onLoginRequired: ({ code, detail }) => console.error(`the key does not count any more (${code}): ${detail}`),
}).withKey(key)

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort())

for (let i = 0; i < Number(times) && !stop.signal.aborted; i++) {
  try {
    const answer = await daypass.fetch(target, { signal: stop.signal })
    console.log(answer.status, `the pass is good for ${Math.round(daypass.tokenValidFor())} s`)
    await answer.body?.cancel()
  } catch (error) {
    if (!stop.signal.aborted) console.error(error.code ?? error.name, error.message) // and on: failures are waited out
  }
  await sleep(Number(pause), undefined, { signal: stop.signal }).catch(() => {})
}
await daypass.logout().catch(() => {}) // the pass ends with the program
daypass.close()
