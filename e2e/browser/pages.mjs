// Every page, in both themes and sizes: nothing against the policy, nothing that
// axe-core finds, nothing wider than the window.
import assert from 'node:assert/strict'
import { checkAccess, checkFits, inEachLook, key, logIn, settled, shoot, story, url } from './driver.mjs'

const pages = ['', 'members', 'keys', 'tokens', 'debugger', 'applications', 'applications/photos', 'audit', 'usage', 'settings']

async function exchange(credential, wish) {
  const answer = await fetch(`${url}/v1/tokens`, { method: 'POST', headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' }, body: JSON.stringify(wish) })
  assert.equal(answer.status, 200)
  return answer.json()
}

/** A line of passes: one that was renewed, and the renewal narrowed. */
async function line() {
  const first = await exchange(key, { renewable: true, expires_in: 7200 })
  const renewed = await exchange(first.token, {})
  return { renewed, encrypted: await exchange(key, { encrypt: true, expires_in: 900 }), narrowed: await exchange(renewed.token, { scopes: ['photos:read'], audience: 'acme/photos', expires_in: 900 }) }
}

/** A pass with its line, and what its revocation says before it is done. */
async function openPass(page, look, { renewed, narrowed }) {
  const pass = page.getByRole('dialog').filter({ hasText: renewed.payload.jti })
  await page.goto(`/o/acme/tokens?token=${renewed.payload.jti}`)
  await pass.getByRole('group', { name: 'Lineage' }).getByText('narrowed').waitFor()
  await look('pass')
  await pass.getByRole('button', { name: 'Revoke…' }).click()
  await page.getByText(/Ends 1 pass made from it, and 1 other of its family/).waitFor()
  await look('pass-revoke')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await pass.getByRole('group', { name: 'Lineage' }).getByText('narrowed').click()
  await page.getByRole('dialog').filter({ hasText: narrowed.payload.jti }).waitFor()
}

/** A pasted pass, decoded, verified and asked for; a request that it may make, and one that it may not. */
async function debug(page, look, { narrowed, encrypted }) {
  const asked = []
  page.on('request', (request) => asked.push(`${request.url()} ${request.postData() ?? ''}`))
  await page.getByLabel('Text of the pass').fill(`Authorization: Bearer ${narrowed.token}`)
  await page.getByText('The signature is good').waitFor()
  assert.deepEqual(asked.filter((one) => one.includes(narrowed.token)), [], 'the pass was sent before anybody asked')
  assert.ok(!page.url().includes(narrowed.token.slice(0, 20)))
  await look('debugger-pass')
  await page.getByRole('button', { name: 'Ask the server' }).click()
  await page.getByText('It lives').waitFor()
  await page.getByLabel('Application').selectOption('acme/photos')
  await page.getByLabel('Path or address').fill('/photos/7')
  await page.getByRole('button', { name: 'Decide' }).click()
  await page.getByText('status 200').waitFor()
  await page.getByLabel('Method').selectOption('POST')
  await page.getByRole('button', { name: 'Decide' }).click()
  await page.getByText('status 403').waitFor()
  await look('debugger-denied')
  await page.getByLabel('Text of the pass').fill(encrypted.token)
  await page.getByRole('heading', { name: 'Encrypted' }).waitFor()
  assert.equal(await page.getByText('status 403').count(), 0, 'the answer for the pass before stands beside the next')
  await look('debugger-encrypted')
  await page.getByLabel('Text of the pass').fill(key)
  await page.getByText('This is a key, not a pass').waitFor()
  assert.ok(await page.getByRole('button', { name: 'Decide' }).isDisabled())
  await page.goto(`/o/acme/debugger?who=key&key=${narrowed.payload.key}&app=acme/photos&path=/photos/7`)
  await settled(page)
  await page.getByRole('button', { name: 'Decide' }).click()
  await page.getByText('status 200').waitFor()
  await look('debugger-key')
}

await story(async ({ open }) => {
  const passes = await line()
  await inEachLook(async ({ theme, size }) => {
    const page = await open({ theme, size })
    const look = async (name) => {
      await settled(page)
      await checkAccess(page)
      await checkFits(page)
      await shoot(page, `${name}-${theme}-${size}`)
    }
    await page.goto('/login')
    await look('login')
    await logIn(page)
    for (const name of pages) {
      await page.goto(`/o/acme/${name}`)
      await look(name.replaceAll('/', '-') || 'overview')
      if (name === 'tokens') await openPass(page, look, passes)
      if (name === 'debugger') await debug(page, look, passes)
    }
    for (const name of ['setup', 'device']) {
      await page.goto(`/${name}`)
      await look(name)
    }
    await page.context().close()
  })
})
