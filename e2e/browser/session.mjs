// The life of a login: a reload keeps it, another tab shares it, logging out ends it
// for both and on the server, and a pass that died leads to the login page and back.
import assert from 'node:assert/strict'
import { logIn, settled, story, url } from './driver.mjs'

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
})
