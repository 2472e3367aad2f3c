// The life of a key by the keyboard alone: every stop shows where the focus is, none
// keeps it, and what a dialog took it from gets it back.
import assert from 'node:assert/strict'
import { key, settled, story, url } from './driver.mjs'

/** Where the focus is: what it is called, and whether one sees it there or around it. */
const focus = (page) =>
  page.evaluate(async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame) // a dialog's edge hands the focus on
    const at = document.activeElement
    const seen = ({ outlineStyle, outlineWidth, boxShadow }) => (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none'
    const around = (node, steps) => node && steps > 0 && (seen(getComputedStyle(node)) || around(node.parentElement, steps - 1))
    const name = at.getAttribute('aria-label') || document.getElementById(at.getAttribute('aria-labelledby'))?.textContent || at.labels?.[0]?.textContent || at.textContent
    return { tag: at.tagName.toLowerCase(), type: at.type ?? '', name: name.trim().slice(0, 80), visible: Boolean(around(at, 2)), inDialog: Boolean(at.closest('[role=dialog]:not([aria-modal=false])')) }
  })

/** One stop further, which has to be seen. */
async function step(page, by = 'Tab') {
  await page.keyboard.press(by)
  const at = await focus(page)
  assert.ok(at.tag === 'body' || at.visible, `nobody sees the focus at ${page.url()}: ${JSON.stringify(at)}`)
  return at
}

/** Goes on to what is called so. */
async function to(page, name, { tag = '', by = 'Tab', most = 60 } = {}) {
  const stops = []
  for (let i = 0; i < most; i++) {
    const at = await step(page, by)
    if (name.test(at.name) && at.tag.includes(tag)) return at
    stops.push(`${at.tag} ${at.name}`)
  }
  assert.fail(`${name} is not reached at ${page.url()}: ${stops.join(' | ')}`)
}

/** Waits until the focus is there. */
async function waitFocus(page, what, is) {
  for (let i = 0; i < 50; i++) {
    if (is(await focus(page))) return
    await page.waitForTimeout(50)
  }
  assert.fail(`${what}: the focus is at ${JSON.stringify(await focus(page))}`)
}

async function command(page, words) {
  await page.keyboard.press('Control+k')
  await waitFocus(page, 'the palette', (at) => at.name === 'Search for a page or an action' && at.visible)
  await page.keyboard.type(words)
  await page.keyboard.press('Enter')
}

/** Says that the text of a key is kept; Escape does not. */
async function keep(page) {
  await page.getByText('This is the only time').waitFor()
  await page.keyboard.press('Escape')
  await to(page, /I have kept the key/, { by: 'Shift+Tab' })
  await page.keyboard.press('Space')
  await to(page, /^Done$/)
  await page.keyboard.press('Enter')
  await page.getByText('This is the only time').waitFor({ state: 'hidden' })
}

await story(async ({ open }) => {
  const page = await open()
  await page.goto('/login')
  await waitFocus(page, 'the login page', (at) => at.name === 'API key' && at.visible)
  await page.keyboard.type(key)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${url}/o/acme`)
  await settled(page)

  await command(page, 'keys')
  await page.waitForURL(`${url}/o/acme/keys`)
  await settled(page)

  // All the way round: every stop is seen, and the first comes again.
  const first = await to(page, /^Create a key$/)
  const around = []
  for (let i = 0; i < 80; i++) {
    const at = await step(page)
    if (at.name === first.name && at.tag === first.tag) break
    around.push(at.name)
  }
  assert.ok(around.length > 15 && around.length < 80, `a round has ${around.length} stops: ${around.join(' | ')}`)

  // Left by Escape, the dialog gives the focus back.
  await page.keyboard.press('Enter')
  await waitFocus(page, 'the dialog', (at) => at.inDialog && /What is it for/.test(at.name) && at.visible)
  for (let i = 0; i < 30; i++) {
    const at = await step(page)
    assert.ok(at.inDialog || at.tag === 'body', `the focus left a dialog that is open: ${JSON.stringify(at)}`)
  }
  await page.keyboard.press('Escape')
  await waitFocus(page, 'after Escape', (at) => at.name === 'Create a key' && at.visible)

  await page.keyboard.press('Enter')
  await waitFocus(page, 'the dialog', (at) => at.inDialog && /What is it for/.test(at.name))
  await page.keyboard.type('Worker')
  await to(page, /scope|may do/i, { tag: 'textarea' })
  await page.keyboard.type('photos:read')
  await to(page, /^Create the key$/)
  await page.keyboard.press('Enter')
  await keep(page)
  await waitFocus(page, 'after the key was made', (at) => at.name === 'Create a key' && at.visible)

  const row = async () => {
    await to(page, /./, { tag: 'tr' })
    if (!/^Worker/.test((await focus(page)).name)) await to(page, /^Worker/, { tag: 'tr', by: 'ArrowDown', most: 5 })
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Worker' }).waitFor()
    await settled(page)
  }
  await row()
  await to(page, /^Roll…$/)
  await page.keyboard.press('Enter')
  await page.getByText('The old text and its passes end').waitFor()
  await to(page, /^In 24 hours/)
  await page.keyboard.press('ArrowUp')
  await waitFocus(page, 'the overlap', (at) => /^In 1 hour/.test(at.name) && at.visible)
  await to(page, /^Roll the key$/)
  await page.keyboard.press('Enter')
  await keep(page)
  await waitFocus(page, 'after the key was rolled', (at) => at.tag !== 'body' && !at.inDialog)

  await page.reload()
  await settled(page)
  await row()
  await to(page, /^Delete…$/)
  await page.keyboard.press('Enter')
  await page.getByText('What breaks').waitFor()
  await page.keyboard.press('Escape')
  await waitFocus(page, 'a deletion thought better of', (at) => at.name === 'Delete…' && at.inDialog && at.visible)
  await page.keyboard.press('Enter')
  await page.getByText('What breaks').waitFor()
  await to(page, /^Delete the key$/)
  await page.keyboard.press('Enter')
  await page.getByText('Key deleted').waitFor()
  await waitFocus(page, 'after the key was deleted', (at) => at.tag !== 'body' && !at.inDialog)

  await command(page, 'log out')
  await page.waitForURL(/\/login/)
  await waitFocus(page, 'the login page', (at) => at.name === 'API key' && at.visible)
})
