// Passkeys by clicking: enrolled in the settings, logged in with on the login page,
// deleted, and refused from then on with words that help.
import assert from 'node:assert/strict'
import { checkAccess, checkFits, logIn, settled, shoot, story, url } from './driver.mjs'

await story(async ({ open }) => {
  for (const [theme, size] of [['light', 'desktop'], ['dark', 'phone']]) {
    const page = await open({ theme, size, expectFailures: true })
    const look = async (name) => {
      await checkAccess(page)
      await checkFits(page)
      await shoot(page, `passkey-${name}-${theme}-${size}`)
    }
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    })
    const consent = (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    const leave = async () => {
      await page.keyboard.press('Control+k')
      await page.getByRole('dialog', { name: 'Commands' }).waitFor()
      await page.keyboard.type('log out')
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/login/)
    }

    await logIn(page)
    await page.goto('/o/acme/settings?tab=passkeys')
    await settled(page)
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    const dialog = page.getByRole('dialog', { name: /the passkey|a passkey/ })
    await dialog.getByLabel('Name').fill('Laptop')
    await consent(false)
    await dialog.getByRole('button', { name: 'Add' }).click()
    await dialog.getByText(/You went back, it took too long/).waitFor()
    await look('cancelled')
    await consent(true)
    await dialog.getByRole('button', { name: 'Add' }).click()
    const row = page.getByRole('row').filter({ hasText: 'Laptop' })
    await row.waitFor()
    await page.getByText('Passkey added').waitFor()
    await look('added')

    await leave()
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.waitForURL(/\/o\/acme/)
    await page.goto('/o/acme/settings?tab=logins')
    await settled(page)
    await page.getByRole('row').filter({ hasText: 'Chrome, Linux' }).first().waitFor()
    await look('logins')

    await page.goto('/o/acme/settings?tab=passkeys')
    await page.getByRole('button', { name: 'Delete Laptop' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await row.waitFor({ state: 'detached' })
    await leave()
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.getByRole('alert').getByText(/passkey/).first().waitFor()
    await look('refused')
    assert.equal(new URL(page.url()).pathname, '/login')
    assert.equal((await page.context().cookies(url)).filter((cookie) => cookie.name === '__Host-daypass').length, 0)
    await page.context().close()
  }
})
