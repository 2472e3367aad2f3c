import { base64url, utf8 } from './bytes.js'
import type { UserAuth } from './daypass.js'
import { DaypassError } from './errors.js'
import type { Identity } from './identity.js'
import type { Grant, TokenOptions } from './pass.js'
import { plain, post } from './request.js'

export type PublicKeyLogin = {
  /** The Daypass server, such as https://pass.example.com. */
  url: string
  identity: Identity
  /** The id (key_…) of the user-group key under which the user logs in. */
  key: string
  /**
   * The server's public URL as this program knows it; `url` unless given. It is signed, so that a signature made for one server is
   * worthless at another: never take it from an answer.
   */
  issuer?: string
}

/** Logs a user in by a signed challenge. Rejects with DaypassError. */
export async function logIn(login: PublicKeyLogin & { tokenOptions?: Omit<TokenOptions, 'subject'>; fetch?: typeof fetch }): Promise<Grant> {
  const { identity, key } = login
  const send = login.fetch ?? fetch
  const address = `${plain(login.url)}/v1/challenges`
  const made = await post(send, address, { public_key: identity.did, key })
  const { id, challenge } = (await made.json()) as { id: string; challenge: string }
  const signature = base64url(await identity.sign(`${preamble(login)}${id}\n${challenge}`))
  const answer = await post(send, `${address}/${encodeURIComponent(id)}`, { ...login.tokenOptions, signature })
  return (await answer.json()) as Grant
}

/**
 * Logs a user in over WebSocket, with the messages of Textile's clients. `socket` is the address of a backend that speaks with
 * Daypass for the user, or an open WebSocket; the server itself unless given. Rejects with DaypassError.
 */
export async function logInBySocket(login: PublicKeyLogin & { socket?: string | WebSocket }): Promise<UserAuth> {
  const { identity, url, key } = login
  const address = login.socket ?? `${plain(url).replace(/^http/, 'ws')}/v1/challenges/ws?key=${encodeURIComponent(key)}`
  const socket = typeof address === 'string' ? new WebSocket(address) : address
  const answer = async (message: Message): Promise<UserAuth | undefined> => {
    if (message.type === 'token') return message.value as UserAuth
    if (message.type !== 'challenge') throw new DaypassError(401, { code: message.code ?? 'login_failed', detail: String(message.value) })
    const text = Uint8Array.from((message.value as { data: number[] }).data)
    // A user's key signs logins to this server, and nothing else that somebody sends.
    const expected = utf8(preamble(login))
    if (expected.some((byte, i) => text[i] !== byte)) throw new DaypassError(0, { code: 'challenge_foreign', detail: 'what was sent to be signed is no login to this server' })
    socket.send(JSON.stringify({ type: 'challenge', sig: base64url(await identity.sign(text)) }))
    return undefined
  }
  try {
    return await new Promise((resolve, reject) => {
      const begin = () => socket.send(JSON.stringify({ type: 'token', pubkey: identity.toString() }))
      socket.onmessage = ({ data }) => {
        answer(JSON.parse(String(data)) as Message).then((made) => made && resolve(made), reject)
      }
      socket.onerror = socket.onclose = () => reject(new DaypassError(0, { code: 'unreachable', detail: 'the connection ended before the login' }))
      if (socket.readyState === 1) begin()
      else socket.onopen = begin
    })
  } finally {
    socket.onclose = null
    socket.close()
  }
}

type Message = { type: string; value: unknown; code?: string }

/** What precedes the challenge itself in what is signed. */
function preamble({ issuer, url }: PublicKeyLogin): string {
  return `daypass challenge v1\n${issuer ?? plain(url)}\n`
}
