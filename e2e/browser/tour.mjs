// Pages that are full, and every dialog: nothing that axe-core finds, nothing cut off.
import { checkAccess, checkFits, inEachLook, logIn, screenshots, settled, shoot, story } from './driver.mjs'

const all = process.env.TOUR === 'all' || !screenshots

const light = { theme: 'light', size: 'desktop' }
const looks = screenshots ? (all ? undefined : [light, { theme: 'dark', size: 'desktop' }]) : [light, { theme: 'dark', size: 'phone' }]

/** How to come to each: the address, then what to do there. */
const pages = {
  overview: [''],
  keys: ['keys'],
  key: ['keys', (page) => row(page, 'Front end of the shop').click()],
  application: ['applications/photos'],
  audit: ['audit'],
  usage: ['usage'],
}
const dialogs = {
  members: ['members'],
  member: ['members', (page) => row(page, 'Web shop').click()],
  roles: ['members?tab=roles'],
  role: ['members?tab=roles', (page) => button(page, 'Create a role')],
  invite: ['members', (page) => choose(page, 'Add a member', 'Invite by e-mail')],
  fresh: ['members', (page) => choose(page, 'Add a member', 'New user with key')],
  foreign: ['members', (page) => choose(page, 'Add a member', 'From another organization')],
  create: ['keys?new=1', (page) => page.getByRole('dialog').getByRole('textbox', { name: 'Scopes' }).fill('photos:*\nnonsense::x')],
  roll: ['keys', (page) => choose(page, /Actions for Front end/, 'Roll…')],
  remove: ['keys', (page) => choose(page, /Actions for Uploads/, 'Delete…')],
  none: ['keys?q=nothing+like+it'],
  error: ['applications/nothing'],
  faulty: ['applications/photos', (page) => page.locator('textarea').fill('hosts: [photos.acme.example]\nupstream: nowhere\nresources:\n  - match: GET /x\n    acces: public\n')],
  save: ['applications/photos', async (page) => {
    const text = page.locator('textarea')
    await text.fill((await text.inputValue()).replace('GET /health', 'GET /status'))
    await button(page, 'Review and save')
  }],
  import: ['applications/photos', (page) => button(page, 'Import OpenAPI')],
  rules: ['applications/photos?tab=routes'],
  test: ['applications/photos?tab=test'],
  shadow: ['applications/photos?tab=shadow'],
  networks: ['applications/photos?tab=networks'],
  applications: ['applications'],
  event: ['audit', (page) => page.locator('tr[data-index="0"]').click()],
  filtered: ['audit?action=key.rotated&time=custom'],
  palette: ['', (page) => page.keyboard.press('Control+k')],
  ...Object.fromEntries(['organization', 'issuers', 'networks', 'plans', 'passes', 'keys'].map((tab) => [`settings-${tab}`, [`settings?tab=${tab}`]])),
}

const row = (page, text) => page.getByRole('row').filter({ hasText: text }).first()
const button = (page, name) => page.getByRole('button', { name }).click()
async function choose(page, menu, item) {
  await button(page, menu)
  await page.getByRole('menuitem', { name: item }).click()
}

await story(async ({ open }) => {
  const page = await open()
  await logIn(page)
  for (const name of ['Keys', 'Audit', 'Overview', 'Members', 'Usage', 'Keys']) {
    // What one page has read, the next one finds.
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
    await page.getByRole('heading', { name, exact: true }).waitFor()
    await settled(page)
  }
  await page.context().close()
  await inEachLook(async ({ theme, size }) => {
    const page = await open({ theme, size, expectFailures: true })
    await logIn(page)
    for (const [name, [path, act]] of Object.entries(all ? { ...pages, ...dialogs } : theme === 'light' ? pages : { overview: pages.overview })) {
      page.once('dialog', (dialog) => dialog.accept()) // "leave without saving?"
      try {
        await page.goto(`/o/acme/${path}`)
        await settled(page)
        await act?.(page)
        await page.waitForTimeout(200)
        await settled(page)
        await checkAccess(page)
        await checkFits(page)
      } catch (error) {
        throw new Error(`${name}, ${theme}, ${size}`, { cause: error })
      }
      await shoot(page, all ? `${name}-${theme}-${size}` : theme === 'light' ? `dashboard-${name}` : `dashboard-${name}-dark`)
      page.removeAllListeners('dialog')
    }
    await page.context().close()
  }, looks)
})
