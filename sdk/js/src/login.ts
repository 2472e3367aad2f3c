import { base64url, utf8 } from './bytes.js'
import type { UserAuth } from './daypass.js'
import { DaypassError } from './errors.js'
import type { Identity } from './identity.js'
import type { Grant, TokenOptions } from './pass.js'
import { native, plain, post } from './request.js'

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
  const send = login.fetch ?? native
  const address = `${plain(login.url)}/v1/challenges`
  const made = await post(send, address, { public_key: identity.did, key })
  const { id, challenge } = (await made.json()) as { id: string; challenge: string }
  const signature = base64url(await identity.sign(`${preamble(login)}${id}\n${challenge}`))
  const answer = await post(send, `${address}/${id}`, { ...login.tokenOptions, signature })
  return (await answer.json()) as Grant
}

/**
 * Logs a user in over WebSocket, with the messages of Textile's clients. `socket` is the address of a backend that speaks with
 * Daypass for the user, or an open WebSocket; the server itself unless given. Rejects with DaypassError.
 */
export async function logInBySocket(login: PublicKeyLogin & { socket?: string | WebSocket }): Promise<UserAuth> {
  const { identity, url, key, socket: given = `${plain(url).replace('http', 'ws')}/v1/challenges/ws?key=${key}` } = login
  const socket = typeof given === 'string' ? new WebSocket(given) : given
  const send = (message: object) => socket.send(JSON.stringify(message))
  const expected = utf8(preamble(login))
  try {
    return await new Promise((resolve, reject) => {
      const refuse = (code: string, detail: string) => reject(new DaypassError(401, { code, detail }))
      const begin = () => send({ type: 'token', pubkey: `${identity}` })
      socket.onmessage = ({ data }) => {
        const { type, value, code = 'login_failed' } = JSON.parse(data as string) as Message
        if (type === 'token') return resolve(value as UserAuth)
        if (type !== 'challenge') return refuse(code, String(value))
        const text = Uint8Array.from((value as { data: number[] }).data)
        // A user's key signs logins to this server, and nothing else that somebody sends.
        if (expected.some((byte, i) => text[i] !== byte)) return refuse('challenge_foreign', 'not a login to this server')
        identity.sign(text).then((bytes) => send({ type, sig: base64url(bytes) }), reject)
      }
      socket.onclose = () => reject(DaypassError.of(new TypeError('the connection ended before the login')))
      if (socket.readyState) begin()
      else socket.onopen = begin
    })
  } finally {
    socket.close()
  }
}

type Message = { type: string; value: unknown; code?: string }

/** What precedes the challenge itself in what is signed. */
const preamble = ({ issuer, url }: PublicKeyLogin): string => `daypass challenge v1\n${issuer ?? plain(url)}\n`
