interface Kept {
  token: string
  payload: { exp: number; org: string }
}

/**
 * Gives the pass of whoever is logged in to the dashboard, or undefined. It is asked for
 * anew after half a minute, for the dashboard may have renewed it or logged out.
 */
export function passOf(ask: typeof fetch, now: () => number): () => Promise<Kept | undefined> {
  const fresh = 30_000 // ms
  let last: { at: number; kept: Promise<Kept | undefined> } | undefined
  return () => {
    if (!last || now() - last.at > fresh) last = { at: now(), kept: read(ask).catch(() => undefined) }
    return last.kept
  }
}

async function read(ask: typeof fetch): Promise<Kept | undefined> {
  const answer = await ask('/v1/session', { headers: { 'daypass-session': '1' }, cache: 'no-store' })
  return answer.ok ? ((await answer.json()) as Kept) : undefined
}

interface Sent {
  url: string
  headers: Record<string, string>
  userFetch?: typeof fetch
}

/**
 * Sends a request for this server with the pass, if it has no credential of its own. What is shown of it, to be copied,
 * has a name in the place of the pass.
 */
export function carrying<R extends Sent>(request: R, origin: string, token: string | undefined, send: typeof fetch): R {
  const has = Object.keys(request.headers).some((name) => /^(authorization|api-key)$/i.test(name))
  if (token === undefined || has || new URL(request.url, origin).origin !== origin) return request
  return {
    ...request,
    headers: { ...request.headers, Authorization: 'Bearer $PASS' },
    userFetch: (input: RequestInfo | URL, init?: RequestInit) => {
      const headers = new Headers(init?.headers)
      headers.set('Authorization', `Bearer ${token}`)
      return send(input, { ...init, headers })
    },
  }
}
