import type { Claims } from '@daypass/client'
import { useParams } from '@tanstack/react-router'
import { useSyncExternalStore } from 'react'
import { Session, type State } from './session'

export { ok, Problem } from './problem'
export type { Claims, Schemas } from './schemas'

export const session = new Session(location.origin, (input, init) => fetch(input, init))

export const api = session.client()

export function useSessionState(): State {
  return useSyncExternalStore(session.subscribe, () => session.state)
}

/**
 * For pages below /o/{org}, where somebody is logged in: what the pass says, the
 * organization that is looked at (its slug, from the address), and the API.
 */
export function useSession(): { payload: Claims; org: string; api: typeof api; token: string } {
  const state = useSessionState()
  const { org } = useParams({ strict: false })
  // The last that was there, while the router leaves for the login page.
  if (state.phase === 'in') last = state
  if (!last) throw new Error('useSession is for pages that need a login')
  return { payload: last.payload, token: last.token, org: org ?? last.payload.org, api }
}

let last: Extract<State, { phase: 'in' }> | undefined
