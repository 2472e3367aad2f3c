const name = 'daypass.addresses'
const most = 8

/** The last eight addresses that a program was used from, for passes that are bound to them: moving between home and office ends nothing. */
export class Addresses {
  /** Throws where a browser forbids it. */
  #storage: () => Pick<Storage, 'getItem' | 'setItem'> | undefined

  /** Where there is no storage, or none may be used, nothing is remembered. */
  constructor(storage?: Pick<Storage, 'getItem' | 'setItem'>) {
    this.#storage = () => storage ?? (globalThis as { localStorage?: Storage }).localStorage
  }

  /** The latest first. */
  list(): string[] {
    try {
      return (JSON.parse(this.#storage()?.getItem(name) ?? '[]') as unknown[]).filter(single).slice(0, most)
    } catch {
      return [] // what is kept is no list, or cannot be read
    }
  }

  /** Remembers addresses, such as the `ips` of a pass; networks are left out. */
  remember(...addresses: string[]): void {
    this.#keep([...addresses, ...this.list()])
  }

  /** Forgets an address: the next pass is not good from there. */
  forget(address: string): void {
    this.#keep(this.list().filter((item) => item !== address))
  }

  #keep(list: string[]): void {
    try {
      this.#storage()?.setItem(name, JSON.stringify([...new Set(list)].filter(single).slice(0, most)))
    } catch {
      // A full or forbidden storage remembers nothing.
    }
  }

  /** For `tokenOptions.ips`: where the request comes from, and all that are remembered. */
  ips(): string[] {
    return ['request_ip', ...this.list()]
  }
}

const single = (item: unknown): item is string => typeof item === 'string' && /^[0-9a-f.:]{2,45}$/i.test(item)
