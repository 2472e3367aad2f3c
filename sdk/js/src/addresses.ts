const name = 'daypass.addresses'
const most = 8

/** The last eight addresses that a program was used from, for passes that are bound to them: moving between home and office ends nothing. */
export class Addresses {
  #storage: Pick<Storage, 'getItem' | 'setItem'> | undefined

  /** Where there is no storage, nothing is remembered. */
  constructor(storage?: Pick<Storage, 'getItem' | 'setItem'>) {
    this.#storage = storage ?? (globalThis as { localStorage?: Storage }).localStorage
  }

  /** The latest first. */
  list(): string[] {
    try {
      const list: unknown = JSON.parse(this.#storage?.getItem(name) ?? '[]')
      return Array.isArray(list) ? list.filter(single).slice(0, most) : []
    } catch {
      return []
    }
  }

  /** Remembers addresses, such as the `ips` of a pass; networks are left out. */
  remember(...addresses: string[]): void {
    const list = new Set([...addresses.filter(single), ...this.list()])
    try {
      this.#storage?.setItem(name, JSON.stringify([...list].slice(0, most)))
    } catch {
      // A full or forbidden storage remembers nothing.
    }
  }

  /** For `tokenOptions.ips`: where the request comes from, and all that are remembered. */
  ips(): string[] {
    return ['request_ip', ...this.list()]
  }
}

function single(item: unknown): item is string {
  return typeof item === 'string' && /^[0-9a-f.:]{2,45}$/i.test(item)
}
