import { describe, expect, it } from 'vitest'
import { carrying, passOf } from './pass'

const origin = 'https://pass.example.com'

describe('carrying', () => {
  const send: typeof fetch = async (_, init) => new Response(new Headers(init?.headers).get('authorization'))
  const sent = async (url: string, headers: Record<string, string>, token: string | undefined) => {
    const request = carrying<Parameters<typeof carrying>[0]>({ url, headers }, origin, token, send)
    return { shown: request.headers, pass: await (await request.userFetch?.(url, { headers: request.headers }))?.text() }
  }

  it('sends the pass to this server, and shows it to nobody', async () => {
    expect(await sent('/v1/me', {}, 't')).toEqual({ shown: { Authorization: 'Bearer $PASS' }, pass: 'Bearer t' })
    expect(await sent(`${origin}/v1/me`, { Accept: 'x' }, 't')).toEqual({ shown: { Accept: 'x', Authorization: 'Bearer $PASS' }, pass: 'Bearer t' })
  })

  it('leaves alone what is for others, or has a credential', async () => {
    expect(await sent('https://evil.example/v1/me', {}, 't')).toEqual({ shown: {} })
    expect(await sent('/v1/me', { 'API-Key': 'k' }, 't')).toEqual({ shown: { 'API-Key': 'k' } })
    expect(await sent('/v1/me', { authorization: 'Bearer u' }, 't')).toEqual({ shown: { authorization: 'Bearer u' } })
    expect(await sent('/v1/me', {}, undefined)).toEqual({ shown: {} })
  })
})

describe('passOf', () => {
  it('asks once for many, and again when time has gone by', async () => {
    let asked = 0
    let clock = 0
    const pass = passOf(
      async () => {
        asked++
        return Response.json({ token: `t${asked}`, payload: { exp: 1, org: 'acme' } })
      },
      () => clock,
    )
    expect((await Promise.all([pass(), pass()])).map((kept) => kept?.token)).toEqual(['t1', 't1'])
    clock = 31_000
    expect((await pass())?.token).toBe('t2')
  })

  it('is nobody where nobody is logged in, or nothing answers', async () => {
    expect(await passOf(async () => new Response('{}', { status: 401 }), () => 0)()).toBeUndefined()
    expect(await passOf(() => Promise.reject(new TypeError('offline')), () => 0)()).toBeUndefined()
  })
})
