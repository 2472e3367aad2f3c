// The addresses that this browser logged in from: a pass is bound to them, so that
// moving between home and office does not end the session.

const store = 'daypass.addresses'
const most = 8

/** The latest first. */
export function remembered(storage: Pick<Storage, 'getItem'> = localStorage): string[] {
  try {
    const list: unknown = JSON.parse(storage.getItem(store) ?? '[]')
    if (!Array.isArray(list)) return []
    return list.filter((item) => typeof item === 'string' && /^[0-9a-f.:]{2,45}$/i.test(item)).slice(0, most)
  } catch {
    return []
  }
}

export function remember(address: string, storage: Pick<Storage, 'getItem' | 'setItem'> = localStorage): void {
  const list = [address, ...remembered(storage).filter((item) => item !== address)].slice(0, most)
  try {
    storage.setItem(store, JSON.stringify(list))
  } catch {
    // Without storage only the address of now counts.
  }
}

export function forget(address: string, storage: Pick<Storage, 'getItem' | 'setItem'> = localStorage): void {
  storage.setItem(store, JSON.stringify(remembered(storage).filter((item) => item !== address)))
}
