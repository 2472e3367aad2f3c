// A member invited by mail chooses a password with the link and logs in by it.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { checkAccess, checkFits, logIn, settled, shoot, story } from './driver.mjs'

const { MAIL_DIR: mails } = process.env
const password = 'nine umbrellas in the rain'

async function link() {
  for (let i = 0; i < 200; i++) {
    const [name] = readdirSync(mails).filter((one) => one.endsWith('.eml'))
    const text = name && readFileSync(`${mails}/${name}`, 'utf8').replaceAll('=\r\n', '').replaceAll('=3D', '=')
    const found = text && /http:\S+token=dpl_\w{49}/.exec(text)
    if (found) return found[0]
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error('no mail came')
}

await story(async ({ open }) => {
  const page = await open()
  await logIn(page)
  await page.goto('/o/acme/members')
  await settled(page)
  await page.getByRole('button', { name: 'Add a member' }).click()
  await page.getByRole('menuitem', { name: 'Invite by e-mail' }).click()
  const sheet = page.getByRole('dialog', { name: 'Add a member' })
  await sheet.getByRole('textbox', { name: 'E-mail' }).fill('ada@acme.example')
  await sheet.getByRole('textbox', { name: 'Name' }).fill('Ada')
  await settled(page)
  await checkAccess(page)
  await shoot(page, 'invite')
  await sheet.getByRole('button', { name: 'Invite' }).click()
  await page.getByText('To ada@acme.example.').waitFor()
  await page.getByRole('row').filter({ hasText: 'Ada' }).waitFor()
  await shoot(page, 'invited')

  const invited = await open({ theme: 'dark', size: 'phone', expectFailures: true })
  const look = async (name) => {
    await checkAccess(invited)
    await checkFits(invited)
    await shoot(invited, `invited-${name}`)
  }
  const address = await link()
  await invited.goto(address)
  await look('asked')
  await invited.getByLabel(/At least 15 characters/).fill('password password')
  await invited.getByRole('button').click()
  await invited.getByRole('alert').waitFor()
  await look('too-easy')
  await invited.getByLabel(/At least 15 characters/).fill(password)
  await invited.getByRole('button').click()
  await invited.getByRole('heading', { name: 'Done' }).waitFor()
  await look('done')
  await invited.getByRole('link', { name: 'Log in' }).click()
  await invited.getByRole('tab', { name: 'Password' }).click()
  await invited.getByLabel('E-mail address').fill('ada@acme.example')
  await invited.getByRole('textbox', { name: 'Password' }).fill('nine umbrellas in the sun')
  await invited.getByRole('button', { name: 'Log in' }).click()
  await invited.getByRole('alert').waitFor()
  await look('wrong')
  await invited.getByRole('textbox', { name: 'Password' }).fill(password)
  await invited.getByRole('button', { name: 'Log in' }).click()
  await invited.waitForURL(/\/o\/acme/)
  await invited.goto('/o/acme/settings?tab=logins')
  await settled(invited)
  await invited.getByRole('heading', { name: 'Your password' }).waitFor()
  await look('logins')

  await invited.goto(address)
  await invited.getByRole('heading', { name: 'This does not work' }).waitFor()
  await look('spent')
  assert.equal(await invited.getByRole('textbox').count(), 0)
})
