import { Problem } from './problem'

const refusals: Record<string, string> = {
  NotAllowedError: 'You went back, it took too long, or no passkey of yours for this address is at hand. Try again, or log in in another way.',
  InvalidStateError: 'A passkey of yours is on this device already. Log in with it, or add one on another device.',
  SecurityError: 'The browser has no passkeys at this address. Open the dashboard by the address that the server has as its public one.',
}

/** What the browser gives of passkeys, or a Problem that says what to do where it gives nothing. */
export async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  const credential = await ask().catch((error: unknown) => {
    const detail = error instanceof DOMException ? refusals[error.name] : undefined
    throw detail ? new Problem(0, { code: 'passkey', title: 'No passkey', detail }, { cause: error }) : error
  })
  if (!(credential instanceof PublicKeyCredential)) throw new Problem(0, { code: 'passkey', title: 'No passkey', detail: refusals['NotAllowedError']! })
  return credential
}
