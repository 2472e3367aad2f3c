import { Problem } from '~/session/problem'

/** Where a login through an issuer begins; it comes back to the page that was wanted, without what stood behind its question mark. */
export function throughIssuer(id: string, to: string | undefined): string {
  const page = to?.startsWith('/device') ? to : to?.replace(/[?#].*/, '')
  return `/v1/login/oidc/${encodeURIComponent(id)}${page ? `?return_to=${encodeURIComponent(page)}` : ''}`
}

const again = 'Log in again'
const other = 'try again, or log in in another way'

/** What to do where a login through an issuer came back with an error. */
const refusals: Record<string, string> = {
  login_denied: `The issuer did not let you in, or you went back. If you should have access, ask whoever administers the issuer to give it to you; else ${other}.`,
  login_state: `The login took more than ten minutes, was begun in another browser, or is over. ${again}.`,
  login_refused: 'The issuer did not take this server for the client that it knows. Ask whoever administers Daypass to look at client id, secret and redirect URI of the issuer in the settings.',
  login_issuer_mixed: `The answer came from another issuer than the one that was asked. ${again}.`,
  login_issuer_unknown: 'Nobody logs in through this issuer any more. Log in in another way.',
  login_issuer_unavailable: `The issuer does not answer, or not as it should. Wait a minute, then ${other}.`,
  login_empty: 'The issuer knows you, but its rules here give you nothing. Ask whoever administers Daypass to look at the claims and grants of the issuer in the settings.',
  issuer_token_refused: 'The issuer knows you, but its rules here refuse what it says of you. Ask whoever administers Daypass to look at the claims that the issuer must have, in the settings.',
}

/** The error that a login came back with, as an ErrorPanel shows it. */
export function refusalOf(code: string): Problem {
  return new Problem(401, { code, title: 'The login failed', detail: refusals[code] ?? `The server refused it. ${again}, or in another way.` })
}
