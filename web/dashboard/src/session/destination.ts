/** Where to go after the login: an address of the dashboard, as the browser will read it, never one elsewhere. */
export function destination(to: unknown): string | undefined {
  if (typeof to !== 'string' || !/^\/(o\/|device\b)/.test(to)) return undefined
  const { origin, pathname, search, hash } = new URL(to, location.origin)
  return origin === location.origin && /^\/(o\/[^/]|device$)/.test(pathname) ? pathname + search + hash : undefined
}

/** Whether a text can be the slug or the id of something. */
export const named = (text: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(text)
