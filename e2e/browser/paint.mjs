// How long until something is painted, on a processor four times slower than this one:
// DAYPASS_URL=http://localhost:8080 DAYPASS_KEY=… CHROMIUM=/usr/bin/chromium node paint.mjs
import { chromium } from 'playwright-core'
import { logIn, settled, url } from './driver.mjs'

const loads = Number(process.env.LOADS ?? 5)

/** Milliseconds until the first paint of content, by a browser that has nothing in its cache. */
async function paint(path, before = async () => {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })
  try {
    const page = await (await browser.newContext({ baseURL: url })).newPage()
    await before(page)
    const debug = await page.context().newCDPSession(page)
    await debug.send('Network.enable')
    await debug.send('Network.setCacheDisabled', { cacheDisabled: true })
    await debug.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    await page.goto(path)
    await settled(page)
    return await page.evaluate(
      () =>
        new Promise((done) => {
          const seen = (list) => list.getEntriesByName('first-contentful-paint').forEach(({ startTime }) => done(startTime))
          new PerformanceObserver(seen).observe({ type: 'paint', buffered: true })
        }),
    )
  } finally {
    await browser.close()
  }
}

for (const [path, before] of [['/login'], ['/o/acme/', logIn]]) {
  const times = []
  for (let i = 0; i < loads; i++) times.push(await paint(path, before))
  console.log(path, 'first contentful paint, ms:', times.map(Math.round).join(' '))
}
