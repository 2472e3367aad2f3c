import { DaypassError } from '@daypass/client'
import type { Schemas } from './schemas'

type Body = Partial<Schemas['Problem']>

/** Any failure of a request, as the server or the network told it. Shown by ErrorPanel and toast.fail. */
export class Problem extends Error {
  /** HTTP status; 0 where no answer came. */
  readonly status: number
  /** Stable, explained at /docs/errors#code. `unreachable` where no answer came. */
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly requestId: string | undefined
  /** The wrong members of the request: a JSON pointer and what is wrong with it. */
  readonly fields: readonly Schemas['ProblemField'][]

  constructor(status: number, body: Body, options?: ErrorOptions) {
    const detail = body.detail || body.title || `the server answered with status ${status}`
    super(detail, options)
    this.name = 'Problem'
    this.status = status
    this.code = body.code ?? 'unexpected_answer'
    this.title = body.title ?? 'Unexpected answer'
    this.detail = detail
    this.requestId = body.request_id
    this.fields = body.errors ?? []
  }

  /** What is wrong with the member that the pointer names, such as `/comment`. */
  field(pointer: string): string | undefined {
    return this.fields.find((field) => field.pointer === pointer || field.pointer.startsWith(`${pointer}/`))?.message
  }

  static async from(response: Response): Promise<Problem> {
    const type = response.headers.get('content-type') ?? ''
    const body: unknown = /json/.test(type) ? await response.json().catch(() => undefined) : undefined
    return new Problem(response.status, (body ?? {}) as Body)
  }

  /** Makes a Problem of whatever was thrown. */
  static of(error: unknown): Problem {
    if (error instanceof Problem) return error
    if (error instanceof DaypassError) {
      const { code, title, detail, requestId } = error
      return new Problem(error.status, code === 'unreachable' ? unreachable : { code, title, detail, ...(requestId && { request_id: requestId }) }, { cause: error })
    }
    if (error instanceof TypeError && /fetch|network|load failed/i.test(error.message)) return new Problem(0, unreachable)
    return new Problem(0, { code: 'client', title: 'Something went wrong', detail: error instanceof Error ? error.message : String(error) })
  }
}

const unreachable: Body = {
  code: 'unreachable',
  title: 'No answer',
  detail: 'The server cannot be reached. Check the connection and that it is running, then try again.',
}

/**
 * The answer of a call of the API, or a thrown Problem:
 *
 *     const keys = await ok(api.GET('/v1/organizations/{org}/keys', { params: { path: { org } } }))
 */
export async function ok<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch((reason: unknown) => {
    if (reason instanceof DOMException && reason.name === 'AbortError') throw reason
    throw Problem.of(reason)
  })
  if (response.ok) return data as T
  throw new Problem(response.status, typeof error === 'object' && error !== null ? (error as Body) : {})
}
