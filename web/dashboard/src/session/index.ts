import type { paths } from '@daypass/client'
import { useParams } from '@tanstack/react-router'
import createClient, { type Client } from 'openapi-fetch'
import { useSyncExternalStore } from 'react'
import type { Claims } from './schemas'
import { type News, Session, type State } from './session'

export { ok, Problem } from './problem'
export type { Claims, Schemas } from './schemas'

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('daypass.session') : undefined

export const session = new Session({
  fetch: (input, init) => fetch(input, init),
  now: Date.now,
  alone: async (work) => ('locks' in navigator ? await navigator.locks.request('daypass.session', work) : work()),
  tell: (news) => channel?.postMessage(news),
})

channel?.addEventListener('message', (event: MessageEvent<News>) => {
  if (event.data === 'left') session.drop()
  else void session.restore()
})

/** The API, typed by api/openapi.yaml, with the pass of the session. Use it with `ok`. */
export const api: Client<paths> = createClient<paths>({ baseUrl: location.origin, fetch: session.fetch })

/** Renews the pass in time, also when the computer wakes up. */
export function keepFresh(): void {
  const renew = () => void session.renew()
  session.subscribe(renew)
  setInterval(renew, 60_000)
  document.addEventListener('visibilitychange', renew)
}

export function useSessionState(): State {
  return useSyncExternalStore(session.subscribe, () => session.state)
}

/**
 * For pages below /o/{org}, where somebody is logged in: what the pass says, the
 * organization that is looked at (its slug, from the address), and the API.
 */
export function useSession(): { payload: Claims; org: string; api: Client<paths>; token: string } {
  const state = useSessionState()
  const { org } = useParams({ strict: false })
  // The last that was there, while the router leaves for the login page.
  if (state.phase === 'in') last = state
  if (!last) throw new Error('useSession is for pages that need a login')
  return { payload: last.payload, token: last.token, org: org ?? last.payload.org, api }
}

let last: Extract<State, { phase: 'in' }> | undefined
