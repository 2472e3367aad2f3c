import { remember, remembered } from './addresses'
import { session } from './index'
import { Problem } from './problem'
import type { Grant, Schemas } from './schemas'
import { entryOf } from './session'

/** How long a login by key lasts unless it is renewed: three days, in seconds. */
const life = 259_200

/**
 * Exchanges a key for a pass that is bound to this browser's addresses, and forgets
 * the key. Without `bound` the pass is good from anywhere.
 */
export async function enterWithKey(key: string, address: string, bound: boolean): Promise<void> {
  const addresses = [address, ...remembered().filter((one) => one !== address)].filter(Boolean)
  const ask = (ips?: string[]) =>
    send<Grant>('/v1/tokens', { expires_in: life, renewable: true, ...(ips ? { ips } : { no_ip_protection: true }) }, { authorization: `Bearer ${key.trim()}` })
  const grant = await (bound && addresses.length > 0 ? ask(addresses).catch((error: unknown) => shortened(error, ask)) : ask())
  if (address) remember(address)
  await session.enter({ token: grant.token, payload: grant.payload })
}

/** A key may be bound to less than this browser remembers, or to a shorter life; then the server's own choice is good. */
async function shortened(error: unknown, ask: (ips?: string[]) => Promise<Grant>): Promise<Grant> {
  const problem = Problem.of(error)
  if (problem.status !== 403 || !/ip|address|network/.test(problem.code)) throw problem
  return ask()
}

export async function enterWithPassword(username: string, password: string, organization: string): Promise<void> {
  const body = { username, password, ...(organization && { organization }) }
  await session.enter(entryOf(await send<Schemas['LoggedIn']>('/auth/token', body)))
}

/** Logs in with a passkey that this device or a security key holds. Needs no name: the key knows it. */
export async function enterWithPasskey(): Promise<void> {
  const options = await send<{ ceremony: string; public_key: PublicKeyCredentialRequestOptionsJSON }>('/v1/login/passkey/options', {})
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.public_key) })
  if (!(credential instanceof PublicKeyCredential)) throw new Error('The browser gave no passkey.')
  await session.enter(entryOf(await send<Schemas['LoggedIn']>('/v1/login/passkey', { ceremony: options.ceremony, credential: credential.toJSON() })))
}

async function send<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }).catch((reason: unknown) => {
    throw Problem.of(reason)
  })
  if (!answer.ok) throw await Problem.from(answer)
  return (await answer.json()) as T
}
