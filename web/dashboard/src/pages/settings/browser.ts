// In the order in which they are looked for: each names those after it too.
const browsers = { Edg: 'Edge', OPR: 'Opera', Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari' }
const systems = { Android: 'Android', iPhone: 'iPhone', iPad: 'iPad', Windows: 'Windows', 'Mac OS': 'macOS', CrOS: 'ChromeOS', Linux: 'Linux' }

/** Browser and system of a User-Agent, in short; its first word where it is neither's. */
export function browserOf(agent: string | undefined): string {
  if (!agent) return 'unknown'
  const browser = Object.entries(browsers).find(([mark]) => agent.includes(mark))?.[1]
  const system = Object.entries(systems).find(([mark]) => agent.includes(mark))?.[1]
  return browser ? [browser, system].filter(Boolean).join(', ') : agent.split(' ')[0]!
}
