/** What the server refused, or why it could not be asked. `code` never changes its meaning: https://…/docs/errors lists them. */
export class DaypassError extends Error {
  override readonly name = 'DaypassError'
  /** snake_case; `unreachable` where no answer came, `login_failed` where the program's own login threw, `unexpected_answer` where it was not Daypass that answered. */
  readonly code: string
  /** Of HTTP; 0 where no answer came. */
  readonly status: number
  readonly title: string
  /** What is wrong and what to do; safe to show. */
  readonly detail: string
  /** Seconds to wait before asking again, where the server said so. */
  readonly retryAfter: number | undefined
  /** Names the request in the server's log. */
  readonly requestId: string | undefined

  constructor(code: string, detail: string, more: { status?: number; title?: string; retryAfter?: number | undefined; requestId?: string | undefined; cause?: unknown } = {}) {
    super(detail, { cause: more.cause })
    this.code = code
    this.detail = detail
    this.status = more.status ?? 0
    this.title = more.title ?? code
    this.retryAfter = more.retryAfter
    this.requestId = more.requestId
  }

  /** Reads problem+json (RFC 9457). The answer's own body stays unread. */
  static async from(response: Response): Promise<DaypassError> {
    const { status, headers } = response
    const problem = /json/.test(headers.get('content-type') ?? '') ? await read(response) : {}
    const seconds = Number(headers.get('retry-after') ?? NaN)
    return new DaypassError(problem.code ?? 'unexpected_answer', problem.detail ?? problem.title ?? `the server answered with status ${status}`, {
      status,
      title: problem.title ?? 'Unexpected answer',
      retryAfter: Number.isFinite(seconds) ? seconds : undefined,
      requestId: problem.request_id,
    })
  }

  /** Whatever was thrown, as a DaypassError. */
  static of(thrown: unknown): DaypassError {
    if (thrown instanceof DaypassError) return thrown
    const detail = thrown instanceof Error ? thrown.message : String(thrown)
    if (!(thrown instanceof TypeError || thrown instanceof DOMException)) return new DaypassError('login_failed', detail, { title: 'Login failed', cause: thrown })
    return new DaypassError('unreachable', `the server cannot be reached: ${detail}`, { title: 'No answer', cause: thrown })
  }
}

type Problem = { code?: string; title?: string; detail?: string; request_id?: string }

async function read(response: Response): Promise<Problem> {
  try {
    return ((await response.clone().json()) as Problem | null) ?? {}
  } catch {
    return {}
  }
}
