// What the stories of this folder share: Chromium on the dashboard, where every
// violation of the content security policy, every error of a script and every
// finding of axe-core fails the story.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const { DAYPASS_URL: url, DAYPASS_KEY: key, SCREENSHOTS: screenshots } = process.env
export const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

/** Runs a story in a fresh browser, and fails with what went wrong in any of its pages. */
export async function story(tell) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })
  const problems = []
  try {
    await tell({ browser, open: (options) => open(browser, problems, options) })
    assert.deepEqual(problems, [])
  } catch (error) {
    const pages = browser.contexts().flatMap((context) => context.pages())
    for (const [i, page] of pages.entries()) await shoot(page, `failed-${i}`).catch(() => {}) // what failed before is what is told
    throw error
  } finally {
    await browser.close()
  }
}

/** A page in a context of its own, or in the given one: another tab. */
async function open(browser, problems, { context, theme = 'light', size = 'desktop', expectFailures = false } = {}) {
  context ??= await browser.newContext({ baseURL: url, viewport: sizes[size], colorScheme: theme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))
  })
  page.on('pageerror', (error) => problems.push(`${page.url()}: ${error.stack}`))
  page.on('console', (message) => {
    // The browser itself reports answers of 400 and above; stories that provoke them say so.
    if (message.type() !== 'error' || (expectFailures && /Failed to load resource|This page could not be fetched/.test(message.text()))) return
    problems.push(`${page.url()}: ${message.text()} ${message.location().url}`)
  })
  page.setDefaultTimeout(15_000)
  return page
}

/** Tells a part of a story in both themes and sizes, or in those given, side by side. */
export async function inEachLook(tell, looks = ['light', 'dark'].flatMap((theme) => Object.keys(sizes).map((size) => ({ theme, size })))) {
  await Promise.all(looks.map(tell))
}

export async function logIn(page, text = key) {
  await page.goto('/login')
  await page.locator('input[name=key]').fill(text)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(/\/o\//)
}

/** Fails where axe-core finds anything against WCAG 2 A and AA on a page, or in the part of it that a selector names. */
export async function checkAccess(page, part) {
  // Evaluated by the debugger, so the policy of the page does not apply to it.
  await page.evaluate(axe)
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
  const { violations } = await page.evaluate(([part, rules]) => globalThis.axe.run(part ?? document, { runOnly: rules }), [part, rules])
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join('; ')}`)
  assert.deepEqual(found, [], page.url())
}

/** Nothing may be wider than the window. */
export async function checkFits(page) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  assert.ok(wide <= room, `${page.url()} is ${wide} wide in ${room}`)
}

/** Waits until nothing loads any more. */
export async function settled(page) {
  await page.waitForLoadState('networkidle')
  await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('[aria-busy=true]'))
}

export async function shoot(page, name) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/${name}.png` })
}
