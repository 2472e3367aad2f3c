// Ten thousand rows: a list keeps few of them in the page, comes to the last one by
// scrolling, stays smooth meanwhile, and is searched by the server at once.
import assert from 'node:assert/strict'
import { logIn, settled, shoot, story } from './driver.mjs'

const rows = Number(process.env.ROWS)
const mostNodes = 2500
const lastName = String(rows - 1).padStart(5, '0')

/** Scrolls the list to its end, and tells what that was like. */
const scroll = (page) =>
  page.evaluate(async () => {
    const box = document.querySelector('table').parentElement
    const frames = []
    const long = []
    const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)))
    observer.observe({ type: 'longtask' })
    const started = performance.now()
    let [nodes, before, still] = [0, started, started]
    await new Promise((done, fail) => {
      const step = (now) => {
        frames.push(now - before)
        before = now
        nodes = Math.max(nodes, document.getElementsByTagName('*').length)
        const height = box.scrollHeight
        box.scrollTop += 1500
        if (box.scrollTop + box.clientHeight < height - 1) still = now
        const counted = document.querySelector('table').getAttribute('aria-rowcount')
        if (counted !== '-1' && now - still > 200) return done()
        if (now - started > 120_000) return fail(new Error(`after two minutes the list is ${height} high`))
        requestAnimationFrame(step)
      }
      requestAnimationFrame(step)
    })
    observer.disconnect()
    frames.sort((a, b) => a - b)
    const at = (part) => Math.round(frames[Math.floor((frames.length - 1) * part)])
    return { rows: Number(document.querySelector('table').getAttribute('aria-rowcount')) - 1, seconds: Math.round((performance.now() - started) / 100) / 10, frames: frames.length, p50: at(0.5), p99: at(0.99), worst: at(1), late: frames.filter((frame) => frame > 50).length, longTasks: long.length, longest: Math.round(Math.max(0, ...long)), nodes }
  })

/** Milliseconds from what is typed until the only row that it finds is there. */
const search = (page, text, found) =>
  page.evaluate(async ({ text, found }) => {
    const input = document.querySelector('[role=searchbox]')
    const started = performance.now()
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, text)
    input.dispatchEvent(new Event('input', { bubbles: true }))
    for (;;) {
      const shown = [...document.querySelectorAll('tbody tr[data-index]')]
      if (shown.length === 1 && shown[0].textContent.includes(found)) return Math.round(performance.now() - started)
      if (performance.now() - started > 10_000) throw new Error(`${text} finds ${shown.length} rows`)
      await new Promise(requestAnimationFrame)
    }
  }, { text, found })

await story(async ({ open }) => {
  const page = await open()
  await logIn(page)
  for (const [name, last] of [['members', `Client ${lastName}`], ['keys', `Machine ${lastName}`], ['audit', 'Organization founded']]) {
    await page.goto(`/o/acme/${name}`)
    await settled(page)
    const requests = []
    page.on('request', (request) => requests.push(request.url()))
    const seen = await scroll(page)
    console.log(name, JSON.stringify({ ...seen, requests: requests.length }))
    assert.ok(seen.rows > rows, `${name}: ${seen.rows} rows`)
    assert.ok(seen.nodes < mostNodes, `${name}: ${seen.nodes} nodes`)
    assert.ok(await page.getByRole('row').filter({ hasText: last }).last().isVisible(), `${name}: the last row is out of reach`)
    await shoot(page, `lists-${name}`)
    if (name === 'audit') continue
    for (const [text, found] of [[`${last.split(' ')[0].toLowerCase()} ${lastName}`, last], [lastName.replace(/9$/, '8'), lastName.replace(/9$/, '8')]]) {
      console.log(`${name}: “${text}” found in ${await search(page, text, found)} ms`)
    }
  }
})
