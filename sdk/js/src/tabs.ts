import type { Claims } from './pass.js'
import { deadline } from './request.js'

/** A pass and what is known of it. */
export type Known = { token: string; payload: Partial<Claims> }

/** What tabs tell each other: which pass (by its jti) was replaced, and by what; by nothing where its user left. */
export type News = { old: string; grant?: Known }

/** A browser's pages and workers have a location; in Node there are no tabs to speak with. */
export const browser = (): boolean => typeof location === 'object'

/** The other tabs of this browser. Where there is no BroadcastChannel or Web Lock, this is the only one. */
export class Tabs {
  #name: string
  #channel: BroadcastChannel | undefined

  constructor(name: string, hear: (news: News) => void) {
    this.#name = name
    if (!browser() || typeof BroadcastChannel !== 'function') return
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = ({ data }: MessageEvent<News>) => hear(data)
  }

  tell(news: News): void {
    this.#channel?.postMessage(news)
  }

  /** Runs work while no other tab does. One that does not come to an end, and a browser that forbids to wait for it, hold nobody up. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const locks = browser() && (globalThis.navigator as Navigator | undefined)?.locks
    const asked = Date.now()
    let run: Promise<T> | undefined
    const turn = async () => {
      // Who had to wait may be about to hear what the other tab has done.
      if (Date.now() - asked > 5) await new Promise((done) => setTimeout(done, 50))
      await (run = work())
    }
    if (locks) await locks.request(this.#name, { signal: AbortSignal.timeout(deadline) }, turn).catch(() => {})
    return run ?? work()
  }

  close(): void {
    this.#channel?.close()
    this.#channel = undefined
  }
}
