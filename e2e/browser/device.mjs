// `daypass login` of the real program, let in by clicking: the address that it prints
// leads through the login to the approval, what is narrowed there holds, and no is no.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { checkAccess, checkFits, key, shoot, story, url } from './driver.mjs'

const { DAYPASS: program, HOME } = process.env
const env = { PATH: process.env.PATH, HOME, XDG_CONFIG_HOME: `${HOME}/config`, DAYPASS_URL: url }
const run = async (...args) => {
  try {
    const { stdout } = await promisify(execFile)(program, args, { env })
    return { code: 0, said: stdout }
  } catch (error) {
    return { code: error.code, said: error.stdout + error.stderr }
  }
}

/** Begins a login, and gives what it prints: the address, the code, and later how it ended. */
async function begin() {
  const child = spawn(program, ['login', '--no-browser'], { env })
  let said = ''
  const ended = new Promise((resolve) => child.on('close', (code) => resolve({ code, said })))
  const shown = new Promise((resolve) => {
    const hear = (chunk) => {
      said += chunk
      const found = /Open\s+(\S+)[^]*?\b([A-Z]{4}-[A-Z]{4})\b/.exec(said)
      if (found) resolve({ address: found[1], code: found[2] })
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })
  const begun = await Promise.race([shown, ended.then(({ said }) => assert.fail(said))])
  return { ...begun, ended, stop: () => child.kill() }
}

await story(async ({ open }) => {
  const page = await open({ expectFailures: true })
  const look = async (name) => {
    await checkAccess(page)
    await checkFits(page)
    await shoot(page, `device-${name}`)
  }

  const first = await begin()
  await page.goto(first.address)
  await page.waitForURL(/\/login\?to=/)
  await page.locator('input[name=key]').fill(key)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(/\/device/)
  await page.getByLabel('Code').fill('BCDF-GHJK')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('alert').getByText(/mistyped, used before, or is too old/i).waitFor()
  await look('wrong-code')
  await page.getByRole('button', { name: 'Enter another code' }).click()
  await page.getByLabel('Code').fill(first.code.toLowerCase().replace('-', ' '))
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText(/daypass on /).waitFor()
  await page.getByLabel('What it may do').fill('daypass:organizations:read\ndaypass:keys:read')
  await page.getByText(/It will act as/).waitFor()
  await look('choice')
  await page.setViewportSize({ width: 390, height: 844 })
  await look('choice-phone')
  await page.getByRole('button', { name: 'Let it log in' }).click()
  await page.getByText(/is logged in/).waitFor()
  await look('done')
  const { code, said } = await first.ended
  assert.equal(code, 0, said)
  assert.match(said, /logged in at/)

  const me = await run('whoami', '--json')
  assert.equal(me.code, 0, me.said)
  assert.deepEqual(JSON.parse(me.said).scopes.sort(), ['daypass:keys:read', 'daypass:organizations:read'])
  assert.equal((await run('key', 'list')).code, 0)
  assert.notEqual((await run('user', 'list')).code, 0, 'it may do more than was allowed')

  // The whole address, as a terminal with a browser opens it; and no is no.
  const second = await begin()
  await page.goto(`${url}/device?user_code=${second.code}`)
  await page.getByText(/daypass on /).waitFor()
  await page.getByRole('button', { name: 'Refuse' }).click()
  await page.getByText(/was refused/).waitFor()
  await look('refused')
  const refused = await second.ended
  assert.notEqual(refused.code, 0)
  assert.match(refused.said, /access_denied|refused/)
  await page.goto(`${url}/device?user_code=${second.code}`)
  await page.getByRole('alert').waitFor()
  await look('used-code')
  assert.equal((await run('whoami')).code, 0, 'a refusal ended the login that there was')

  // Logged out, the address with the code leads through the login back to it.
  const third = await begin()
  await page.context().clearCookies()
  await page.goto(`${url}/device?user_code=${third.code}`)
  await page.waitForURL(/\/login\?to=/)
  await page.locator('input[name=key]').fill(key)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText(/daypass on /).waitFor()
  third.stop()

  const token = JSON.parse((await promisify(execFile)('sh', ['-c', 'cat "$XDG_CONFIG_HOME"/daypass/profiles/*.json'], { env })).stdout).token
  const asked = () => fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal((await asked()).status, 200)
  assert.equal((await run('logout')).code, 0)
  assert.equal((await asked()).status, 401)
  assert.notEqual((await run('whoami')).code, 0)
})
