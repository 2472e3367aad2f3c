const names: [selector: string, name: string][] = [
  ['select#servers', 'Server'],
  ['select.examples-select-element', 'Example'],
]

/** Gives what swagger-ui draws the names, and the way in by the keyboard, that it leaves out. */
export function mend(root: Element): void {
  const look = () => {
    for (const [selector, name] of names) for (const one of root.querySelectorAll(`${selector}:not([aria-label])`)) one.setAttribute('aria-label', name)
    for (const one of root.querySelectorAll('pre.microlight:not([tabindex])')) one.setAttribute('tabindex', '0') // it scrolls
  }
  new MutationObserver(look).observe(root, { childList: true, subtree: true })
  look()
}
