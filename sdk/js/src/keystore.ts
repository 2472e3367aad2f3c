/**
 * The key pair that this browser keeps under a name, made when there is none. What lies in IndexedDB is a CryptoKey, which
 * scripts may use and not read. Where there is no IndexedDB, as in Node, the pair ends with the process.
 */
export async function kept(name: string, make: () => Promise<CryptoKeyPair>): Promise<CryptoKeyPair> {
  if (typeof indexedDB !== 'object') return make()
  const database = await opened()
  try {
    const get = () => settled<CryptoKeyPair | undefined>(database.transaction(store).objectStore(store).get(name))
    const held = await get()
    if (held) return held
    const pair = await make()
    // Where another tab was first this fails, and its pair is the one.
    await settled(database.transaction(store, 'readwrite').objectStore(store).add(pair, name)).catch(() => {})
    return (await get()) ?? pair
  } finally {
    database.close()
  }
}

const store = 'keys'

function opened(): Promise<IDBDatabase> {
  const opening = indexedDB.open('daypass', 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(store)
  return settled(opening)
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = (event) => {
      event.preventDefault()
      reject(request.error)
    }
  })
}
