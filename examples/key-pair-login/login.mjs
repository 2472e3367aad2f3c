// A user who is a key pair: no account, no password. The private key stays in a file of the user's own.
import { readFile, writeFile } from 'node:fs/promises'
import { Daypass, Identity, logIn } from '@daypass/client'

const { DAYPASS_URL: url = 'http://localhost:8080', ISSUER: issuer = url, GROUP: key, TARGET: target = 'http://localhost:8000/photos/7', IDENTITY: file = 'identity.txt' } = process.env

async function identityOf(file) {
  try {
    return await Identity.import((await readFile(file, 'utf8')).trim())
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    const identity = await Identity.generate()
    await writeFile(file, `${await identity.export()}\n`, { mode: 0o600, flag: 'wx' })
    return identity
  }
}

const identity = await identityOf(file)
const daypass = new Daypass({ url, origins: [new URL(target).origin] }).withLogin(() => logIn({ url, issuer, key, identity, tokenOptions: { expires_in: 900 } }))

console.log('I am   ', identity.did)
const answer = await daypass.fetch(target)
console.log('answer ', answer.status, await answer.text())
await daypass.logout()
daypass.close()
