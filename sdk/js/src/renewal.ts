import { DaypassError } from './errors.js'

const second = 1000
/** The longest that is waited after a failure, in milliseconds. */
const longest = 60 * second
/** The longest that a timer holds, nearly 25 days; what is due later is renewed when it is used. */
const furthest = 2 ** 31 - 1

/** When the next pass is asked for: one request at a time, later and later while that fails. */
export class Renewal {
  #work: () => Promise<void>
  #pending: Promise<void> | undefined
  #failures = 0
  #failed: { until: number; error: DaypassError } | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  /** Work is never run twice at once, and what it throws comes out as a DaypassError. */
  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Milliseconds until it may be tried again; 0: now. */
  get wait(): number {
    return Math.max(0, (this.#failed?.until ?? 0) - Date.now())
  }

  /** Runs the work, or joins the run that is under way. While a failure is waited out, fails with it at once. */
  run(): Promise<void> {
    if (this.wait > 0) return Promise.reject(this.#failed!.error)
    return (this.#pending ??= this.#work()
      .then(
        () => this.forgive(),
        (thrown: unknown) => {
          const error = DaypassError.of(thrown)
          const delay = Math.min(longest, second * 2 ** this.#failures++) * (0.75 + Math.random() / 2)
          this.#failed = { until: Date.now() + Math.max(delay, (error.retryAfter ?? 0) * second), error }
          throw error
        },
      )
      .finally(() => {
        this.#pending = undefined
      }))
  }

  /** Forgets failures: there is a new pass, or a new way to get one. */
  forgive(): void {
    this.#failures = 0
    this.#failed = undefined
  }

  /** Calls back in so many milliseconds, in place of any call that was planned. Keeps no process alive. */
  plan(delay: number, then?: () => void): void {
    clearTimeout(this.#timer)
    if (this.#closed || !then || delay === Infinity) return
    this.#timer = setTimeout(then, Math.min(delay, furthest))
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  close(): void {
    this.plan(0)
    this.#closed = true
  }
}
