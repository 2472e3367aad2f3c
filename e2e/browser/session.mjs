// The life of a login: a reload keeps it, another tab shares it, logging out ends it
// for both and on the server, and a pass that died leads to the login page and back.
// Two tabs renew a pass that is due once, and a browser that was closed for longer than
// a login's pass lasts is still logged in.
import assert from 'node:assert/strict'
import { logIn, settled, shoot, story, url } from './driver.mjs'

const { EMAIL, PASSWORD, LATER } = process.env

/** The pass that a tab sends when one goes to another page of it. */
async function passOf(tab, link) {
  const [request] = await Promise.all([
    tab.waitForRequest((request) => request.headers().authorization?.startsWith('Bearer ')),
    tab.getByRole('link', { name: link, exact: true }).first().click(),
  ])
  return request.headers().authorization.slice(7)
}

/** Moves on the server's clock, and the browser's. */
async function later(context, minutes) {
  assert.ok((await fetch(`${LATER}?minutes=${minutes}`)).ok)
  await context.clock.fastForward(minutes * 60_000)
}

async function byPassword(open) {
  const page = await open({ expectFailures: true })
  const context = page.context()
  await context.clock.install()
  await page.goto('/login')
  await page.getByRole('tab', { name: 'Password' }).click()
  await page.locator('input[name=username]').fill(EMAIL)
  await page.locator('input[name=password]').fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(`${url}/o/acme`)
  const other = await open({ context, expectFailures: true })
  await other.goto('/o/acme/')
  await settled(other)
  const first = await passOf(page, 'Audit')

  let renewals = 0
  const isRenewal = (request) => request.method() === 'POST' && request.url() === `${url}/v1/session`
  context.on('request', (request) => (renewals += isRenewal(request) ? 1 : 0))
  const renewed = context.waitForEvent('requestfinished', isRenewal)
  await later(context, 45) // of the sixty of a pass
  await renewed
  await page.waitForTimeout(2_000)
  assert.equal(renewals, 1, 'two tabs renew the pass that they share once')
  const next = await passOf(page, 'Keys')
  assert.notEqual(next, first)
  assert.equal(await passOf(other, 'Audit'), next, 'a tab did not hear of the pass that another one got')
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))
  assert.ok(!/dpr_|eyJ/.test(kept), `the page keeps ${kept}`)

  await page.close()
  await other.close()
  await later(context, 120)
  const reopened = await open({ context, expectFailures: true })
  await reopened.goto('/o/acme/keys')
  await settled(reopened)
  assert.equal(reopened.url(), `${url}/o/acme/keys`)
  const beside = await open({ context, expectFailures: true })
  await beside.goto('/o/acme/audit')
  await settled(beside)
  assert.equal(beside.url(), `${url}/o/acme/audit`)

  await reopened.bringToFront()
  await reopened.keyboard.press('Control+k')
  await reopened.getByRole('combobox', { name: 'Search for a page or an action' }).fill('log out')
  await reopened.keyboard.press('Enter')
  await reopened.waitForURL(/\/login/)
  await beside.waitForURL(/\/login/)
  await reopened.reload()
  await settled(reopened)
  assert.match(reopened.url(), /\/login/)
  await context.close()
}

await story(async ({ open }) => {
  const page = await open({ expectFailures: true })

  await page.goto('/o/acme/keys')
  await page.waitForURL(/\/login\?to=/)
  await page.locator('input[name=key]').fill('dp_live_wrong')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('alert').waitFor()
  await page.locator('input[name=key]').fill(process.env.DAYPASS_KEY)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(`${url}/o/acme/keys`)

  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))
  assert.ok(!/dp_live|eyJ/.test(kept), `the page keeps ${kept}`)
  const cookies = await page.context().cookies()
  const [cookie] = cookies.filter((c) => c.name === '__Host-daypass')
  assert.ok(cookie?.httpOnly && cookie.secure && cookie.sameSite === 'Strict', JSON.stringify(cookies))
  assert.ok(!cookie.value.includes('eyJ'))
  for (const headers of [{ cookie: `__Host-daypass=${cookie.value}` }, { authorization: `Bearer ${cookie.value}` }]) {
    assert.equal((await fetch(`${url}/v1/me`, { headers })).status, 401)
  }
  assert.equal((await fetch(`${url}/v1/session`, { headers: { cookie: `__Host-daypass=${cookie.value}` } })).status, 403)

  await page.reload()
  await settled(page)
  assert.equal(page.url(), `${url}/o/acme/keys`)

  const other = await open({ context: page.context(), expectFailures: true })
  await other.goto('/o/acme/')
  await settled(other)
  assert.equal(other.url(), `${url}/o/acme/`)

  const token = await page.evaluate(async () => (await (await fetch('/v1/session', { headers: { 'Daypass-Session': '1' } })).json()).token)
  assert.equal((await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status, 200)
  await page.keyboard.press('Control+k')
  await page.keyboard.type('log out everywhere')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/login/)
  await other.waitForURL(/\/login/)
  assert.equal((await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status, 401)

  await byPassword(open)

  // Revoked by somebody else: the next click says so, and a login leads back.
  await logIn(page)
  const dead = await page.evaluate(async () => (await (await fetch('/v1/session', { headers: { 'Daypass-Session': '1' } })).json()).token)
  await fetch(`${url}/v1/tokens/revoke`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: dead }) })
  await page.getByRole('link', { name: 'Members' }).first().click()
  await page.waitForURL(/\/login\?to=.*members/)
  await page.getByText('You were logged out').waitFor()

  // Without a network the page says so and goes on when there is one again.
  await logIn(page)
  await page.context().setOffline(true)
  await page.getByRole('link', { name: 'Audit' }).first().click()
  await page.getByText(/cannot be reached|No answer/).first().waitFor()
  await page.context().setOffline(false)

  // Links that somebody else made lead nowhere else, and put nothing into what people copy.
  for (const to of ['https://evil.example/', '//evil.example/', '/o/..//evil.example/', '/o/\t..//evil.example/', '/o/\\evil.example', 'javascript:alert(1)']) {
    await page.goto(`/login?to=${encodeURIComponent(to)}`)
    await page.waitForURL(`${url}/o/acme`)
    await settled(page)
  }
  for (const name of ['$(id)', "x';id;'", 'a b']) {
    for (const path of [`/o/${encodeURIComponent(name)}/keys`, `/o/acme/applications/${encodeURIComponent(name)}`]) {
      await page.goto(path)
      await page.getByText('There is no page at this address').waitFor()
      assert.ok(!(await page.locator('main').last().innerText()).includes(name), `${path} is shown`)
    }
  }
  await shoot(page, 'no-such-name')
})
