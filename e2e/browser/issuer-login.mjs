// A login through an outside issuer, from its form in the settings to the dashboard
// with what its grants give, and back to the login page where the issuer says no.
import assert from 'node:assert/strict'
import { checkAccess, checkFits, logIn, settled, shoot, story, url } from './driver.mjs'

const { ISSUER: issuer, CLIENT_SECRET: secret } = process.env

await story(async ({ open }) => {
  const page = await open({ expectFailures: true })
  const look = async (name) => {
    await checkAccess(page)
    await checkFits(page)
    await shoot(page, `issuer-${name}`)
  }
  const sheet = page.getByRole('dialog', { name: /^Issuer staff|Add an issuer/ })
  await logIn(page)
  await page.goto('/o/acme/settings?tab=issuers')
  await settled(page)
  await page.getByRole('button', { name: 'Add an issuer' }).click()
  await sheet.getByRole('button', { name: 'Another' }).click()
  await sheet.getByLabel('Name').fill('staff')
  await sheet.getByLabel('Issuer', { exact: true }).fill(issuer)
  await sheet.getByRole('checkbox', { name: 'People log in here through it' }).click()
  await sheet.getByLabel('Client id').fill('dashboard')
  await sheet.getByLabel('Client secret').fill(secret)
  await sheet.getByLabel('Ask the issuer for').fill('email groups')
  await sheet.getByText(`${url}/v1/login/oidc/acme/staff/callback`).waitFor()
  await sheet.getByLabel('Roles').first().fill('account_manager developer')
  for (const [groups, role] of [['operators', 'account_manager'], ['visitors', 'developer']]) {
    await sheet.getByRole('button', { name: 'Add a grant' }).click()
    const grant = sheet.getByRole('group', { name: 'Grant' }).last()
    await grant.getByLabel('Claims').fill(`groups=${groups}`)
    await grant.getByLabel('Scopes').fill('daypass:*')
    await grant.getByLabel('Roles').fill(role)
  }
  await look('form')
  await page.setViewportSize({ width: 390, height: 844 })
  await look('form-phone')
  await page.setViewportSize({ width: 1280, height: 800 })
  await sheet.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('heading', { name: 'Test staff' }).waitFor()
  await page.keyboard.press('Escape')

  // Opened and saved again it is the same: the secret that nobody sees stays.
  await page.getByRole('row').filter({ hasText: 'staff' }).getByRole('button', { name: 'staff', exact: true }).click()
  assert.equal(await sheet.getByRole('checkbox', { name: 'People log in here through it' }).isChecked(), true)
  assert.equal(await sheet.getByRole('group', { name: 'Grant' }).count(), 2)
  assert.equal(await sheet.getByLabel('Client secret').inputValue(), '')
  await sheet.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Issuer saved').waitFor()

  const through = async (answer, to = '/o/acme/members') => {
    await page.context().clearCookies()
    await page.goto(to)
    await page.waitForURL(/\/login/)
    await page.getByRole('link', { name: 'Continue with staff' }).click()
    await page.getByRole('link', { name: answer }).click()
  }
  const me = () => page.evaluate(async () => {
    const { token } = await (await fetch('/v1/session', { headers: { 'Daypass-Session': '1' } })).json()
    return (await fetch('/v1/me', { headers: { authorization: `Bearer ${token}` } })).json()
  })

  await through('Let in operators')
  await page.waitForURL(`${url}/o/acme/members`)
  await settled(page)
  await page.getByRole('button', { name: 'Add a member' }).waitFor()
  await look('logged-in')
  const operator = await me()
  assert.deepEqual([operator.user.id, operator.roles], ['staff|ann', ['account_manager']])

  await through('Let in visitors', '/o/acme/keys')
  await page.waitForURL(`${url}/o/acme/keys`)
  assert.deepEqual((await me()).roles, ['developer'])

  await through('Refuse')
  await page.waitForURL(/\/login\?error=login_denied/)
  await page.getByText(/did not let you in/).waitFor()
  await look('denied')
  await through('Let in strangers')
  await page.waitForURL(/\/login\?error=login_empty/)
  await page.getByText(/ask whoever administers Daypass/i).waitFor()
  await look('strangers')
})
