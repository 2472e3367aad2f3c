// Every page, in both themes and sizes: nothing against the policy, nothing that
// axe-core finds, nothing wider than the window.
import { checkAccess, checkFits, logIn, settled, shoot, story } from './driver.mjs'

const pages = ['', 'members', 'keys', 'tokens', 'debugger', 'applications', 'applications/photos', 'audit', 'usage', 'settings']

await story(async ({ open }) => {
  for (const theme of ['light', 'dark']) {
    for (const size of ['desktop', 'phone']) {
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
      }
      for (const name of ['setup', 'device']) {
        await page.goto(`/${name}`)
        await look(name)
      }
      await page.context().close()
    }
  }
})
