import { Addresses } from '@daypass/client'
import { session } from './index'
import { asked } from './passkey'
import { Problem } from './problem'
import type { Grant, Schemas } from './schemas'

/** How long a login by key lasts unless it is renewed: three days, in seconds. */
const life = 259_200

/** Where people logged in from: their passes are good from there, so that moving between home and office does not end the session. */
export const addresses = new Addresses()

export type Options = Schemas['LoginOptions']

/** What this server offers, and where this browser is seen to come from. */
export async function readOptions(organization = '', signal?: AbortSignal): Promise<Options> {
  const answer = await fetch(`/v1/login${organization && `?organization=${encodeURIComponent(organization)}`}`, signal && { signal }).catch((reason: unknown) => {
    throw Problem.of(reason)
  })
  if (!answer.ok) throw await Problem.from(answer)
  return (await answer.json()) as Options
}

type Wish = Pick<Schemas['ExchangeRequest'], 'expires_in' | 'renewable' | 'ips' | 'no_ip_protection'>

/**
 * Exchanges a key for a pass that is bound to this browser's addresses, and forgets
 * the key. Without `bound` the pass is good from anywhere the key is.
 */
export async function enterWithKey(key: string, address: string, bound: boolean): Promise<void> {
  if (!/^[\x21-\x7e]+$/.test(key.trim())) throw new Problem(0, { code: 'key_malformed', title: 'Not a key', detail: 'A key has letters, digits and underscores alone. Copy it again, without what stood around it.' })
  const wish: Wish = { expires_in: life, renewable: true, ...(bound ? { ips: addresses.ips() } : { no_ip_protection: true }) }
  const pass = await within(wish, (body) => send<Grant>('/v1/tokens', body, { authorization: `Bearer ${key.trim()}` }))
  addresses.remember(address)
  await session.enter({ pass })
}

/**
 * Asks for what is wished, and where the key holds less than that for the most that is
 * left: this address alone, the life and the renewal that the server chooses.
 */
export async function within<T>(wish: Wish, ask: (wish: Wish) => Promise<T>): Promise<T> {
  try {
    return await ask(wish)
  } catch (error) {
    const less = lessThan(wish, Problem.of(error).code)
    if (!less) throw error
    return within(less, ask)
  }
}

function lessThan(wish: Wish, code: string): Wish | undefined {
  const { expires_in, ...anyLife } = wish
  const { renewable, ...anyRenewal } = wish
  const { no_ip_protection: _, ...bound } = wish
  switch (code) {
    case 'network_exceeded':
    case 'ips_too_wide':
      return wish.ips?.length === 1 ? undefined : { ...bound, ips: ['request_ip'] }
    case 'life_exceeded':
      return expires_in ? anyLife : undefined
    case 'renewable_exceeded':
      return renewable ? anyRenewal : undefined
    default:
      return undefined
  }
}

export async function enterWithPassword(username: string, password: string, organization: string): Promise<void> {
  const body = { username, password, ...(organization && { organization }) }
  await enter(await send('/auth/token', body))
}

/** Logs in with a passkey that this device or a security key holds. Needs no name: the key knows it. */
export async function enterWithPasskey(): Promise<void> {
  const options = await send<{ ceremony: string; public_key: PublicKeyCredentialRequestOptionsJSON }>('/v1/login/passkey/options', {})
  const credential = await asked(() => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.public_key) }))
  await enter(await send('/v1/login/passkey', { ceremony: options.ceremony, credential: credential.toJSON() }))
}

function enter({ token, refresh_token }: Schemas['LoggedIn']): Promise<void> {
  return session.enter({ pass: token, refresh: refresh_token })
}

async function send<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }).catch((reason: unknown) => {
    throw Problem.of(reason)
  })
  if (!answer.ok) throw await Problem.from(answer)
  return (await answer.json()) as T
}
