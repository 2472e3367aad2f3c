// The API reference at /docs: under the policy of the pages, in both themes and sizes,
// and a request from it with the pass of whoever is logged in.
import assert from 'node:assert/strict'
import { checkAccess, checkFits, inEachLook, logIn, shoot, story } from './driver.mjs'

await story(async ({ open }) => {
  await inEachLook(async ({ theme, size }) => {
    const page = await open({ theme, size, expectFailures: true })
    const look = async (name, part) => {
      await checkAccess(page, part)
      await checkFits(page)
      await shoot(page, `docs-${name}-${theme}-${size}`)
    }
    await logIn(page)
    await page.goto('/docs')
    await page.locator('.opblock').first().waitFor()
    await page.getByText('with your pass for acme').waitFor()
    await look('list')
    const me = page.locator('.opblock').filter({ has: page.locator('[data-path="/v1/me"]') })
    await me.getByRole('button').first().click()
    await me.getByRole('button', { name: 'Execute' }).click()
    await me.locator('.live-responses-table .response-col_status').getByText('200').first().waitFor()
    assert.match(await me.locator('.live-responses-table').innerText(), /"acme"/)
    assert.doesNotMatch(await me.innerText(), /Bearer ey/)
    await me.scrollIntoViewIfNeeded()
    await look('tried', '.opblock.is-open')
    await page.context().close()
  })
})
