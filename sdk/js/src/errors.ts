type Problem = { code: string; title?: string; detail?: string; request_id?: string }

/** What the server refused, or why it could not be asked. */
export class DaypassError extends Error {
  override readonly name = 'DaypassError'
  /**
   * snake_case, with a meaning that never changes: those of the server's page /docs/errors, `unreachable` where no answer came,
   * `unexpected_answer` where it was not Daypass that answered, and those of this library: `login_required`, `login_failed`, `logged_out`.
   */
  declare readonly code: string
  /** Of HTTP; 0 where no answer came. */
  declare readonly status: number
  declare readonly title: string
  /** What is wrong and what to do; safe to show. */
  declare readonly detail: string
  /** Seconds to wait before asking again, where the server said so. */
  declare readonly retryAfter: number | undefined
  /** Names the request in the server's log. */
  declare readonly requestId: string | undefined

  constructor(status: number, { code, title = code, detail = title, request_id }: Problem, retryAfter?: number, cause?: unknown) {
    super(detail, { cause })
    Object.assign(this, { status, code, title, detail, requestId: request_id, retryAfter })
  }

  /** Reads problem+json (RFC 9457). The answer's own body stays unread. */
  static async from(response: Response): Promise<DaypassError> {
    const { status, headers } = response
    const problem = (await response.clone().json().catch(() => undefined)) as Problem | undefined
    const known = problem?.code ? problem : { code: 'unexpected_answer', detail: `the server answered with status ${status}` }
    return new DaypassError(status, known, Number(headers.get('retry-after')) || undefined)
  }

  /** Whatever was thrown, as a DaypassError. */
  static of(thrown: unknown): DaypassError {
    if (thrown instanceof DaypassError) return thrown
    const detail = String((thrown as Error | undefined)?.message ?? thrown)
    const lost = thrown instanceof TypeError || thrown instanceof DOMException
    return new DaypassError(0, { code: lost ? 'unreachable' : 'login_failed', detail }, undefined, thrown)
  }
}
