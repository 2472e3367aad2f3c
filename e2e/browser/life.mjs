// The whole life, as a newcomer clicks it: from nothing to the first request through
// the gateway, its use seen, the key rolled and the old pass dead, the key deleted.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { get } from 'node:http'
import { checkAccess, logIn, settled, shoot, story, url } from './driver.mjs'

const { DAYPASS_GATEWAY: gateway, UPSTREAM: upstream } = process.env

/** The status that the gateway answers with; fetch would not send another host. */
const ask = (pass) =>
  new Promise((resolve, reject) =>
    get(gateway, { headers: { host: 'photos.acme.example', authorization: `Bearer ${pass}` }, agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', reject))

async function exchange(key) {
  const answer = await fetch(`${url}/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${key}` } })
  return { status: answer.status, ...(await answer.json()) }
}


/** Takes the text out of a dialog that shows it once, and closes it. */
async function take(page) {
  const dialog = page.getByRole('dialog')
  const text = /dp_live_\w{49}/.exec(await dialog.innerText())[0]
  await page.keyboard.press('Escape')
  assert.ok(await dialog.isVisible(), 'a key that is shown once was closed unread')
  await dialog.getByRole('checkbox').click()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await dialog.waitFor({ state: 'hidden' })
  return text
}

await story(async ({ open }) => {
  const page = await open({ expectFailures: true }) // the wizard asks whether the application is there yet
  const next = () => page.locator('form button[type=submit]').last().click()
  await logIn(page)
  await page.getByRole('link', { name: 'Protect your first API' }).click()
  await page.getByRole('heading', { name: 'Your organization' }).waitFor()
  await next()
  await page.getByRole('heading', { name: 'Your API' }).waitFor()
  await page.getByLabel('Short name').fill('photos')
  await page.getByLabel('Where it listens').fill(upstream)
  assert.equal(await page.getByLabel('Address of the gateway').inputValue(), gateway)
  await checkAccess(page)
  await next()
  await page.getByRole('heading', { name: 'Who gets in' }).waitFor()
  await checkAccess(page)
  await next()
  await page.getByRole('heading', { name: 'A key for a client' }).waitFor()
  await page.getByLabel('Name of the client').fill('Worker')
  await next()
  await page.getByRole('dialog').waitFor()
  await checkAccess(page)
  await shoot(page, 'key-once')
  const key = await take(page)
  const commands = await page.getByRole('group', { name: 'Commands' }).innerText()
  const said = execFileSync('bash', ['-ec', commands], { encoding: 'utf8', env: { ...process.env, DAYPASS_KEY: key, KEY: key } })
  assert.match(said, /200|"target"/)
  await page.getByText('200: allowed').waitFor()
  await shoot(page, 'first-request')
  await next()

  await page.goto('/o/acme/keys')
  await settled(page)
  const { token } = await exchange(key)
  assert.equal(await ask(token), 200)
  const act = async (name) => {
    await page.getByRole('row').filter({ hasText: 'Worker' }).getByRole('button').last().click()
    await page.getByRole('menuitem', { name }).click()
  }
  await act('Roll…')
  await page.getByRole('radio', { name: /^Now/ }).check()
  await settled(page)
  await checkAccess(page)
  await shoot(page, 'roll')
  await page.getByRole('button', { name: 'Roll the key' }).click()
  await page.getByText('This is the only time').waitFor()
  const second = await take(page)
  assert.notEqual(second, key)
  assert.equal(await ask(token), 401)
  assert.equal((await exchange(key)).status, 401)
  const fresh = await exchange(second)
  assert.equal(await ask(fresh.token), 200)

  await page.goto('/o/acme/keys')
  await settled(page)
  await act('Delete…')
  await page.getByText('What breaks').waitFor()
  await checkAccess(page)
  await shoot(page, 'delete')
  await page.getByRole('textbox', { name: /delete/ }).fill('delete')
  await page.getByRole('button', { name: 'Delete the key' }).click()
  await page.getByRole('button', { name: 'Delete the key' }).waitFor({ state: 'hidden' })
  assert.equal(await ask(fresh.token), 401)

  await page.goto('/o/acme/audit')
  await page.getByRole('row').getByText(/key\W*deleted/i).first().waitFor()
})
