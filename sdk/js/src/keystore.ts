/**
 * The key pair that this browser keeps under a name, made when there is none. What lies in IndexedDB is a CryptoKey, which
 * scripts may use and not read. Where there is no IndexedDB, as in Node, the pair ends with the process.
 */
export async function kept(name: string, make: () => Promise<CryptoKeyPair>): Promise<CryptoKeyPair> {
  if (typeof indexedDB !== 'object') return make()
  const opening = indexedDB.open('daypass')
  opening.onupgradeneeded = () => opening.result.createObjectStore(store)
  const database = await settled(opening)
  const keys = () => database.transaction(store, 'readwrite').objectStore(store)
  const get = () => settled<CryptoKeyPair | undefined>(keys().get(name))
  let pair = await get()
  if (!pair) {
    const made = await make()
    // Where another tab was first this fails, and its pair is the one.
    await settled(keys().add(made, name)).catch(() => {})
    pair = (await get()) ?? made
  }
  database.close()
  return pair
}

const store = 'keys'

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
