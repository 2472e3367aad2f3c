import type { Schemas } from '~/session'
import type { Snippets } from './show'

/** A key with its text, which the server tells once. */
export type CreatedKey = Pick<Schemas['KeyCreated'], 'id' | 'key' | 'secret' | 'comment'>

/** A file name of the comment: nothing in it means anything to a shell. */
export function envName({ comment }: CreatedKey): string {
  return `${comment.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-$/g, '').toLowerCase() || 'daypass'}.env`
}

/** The file that programs read their key from. */
export function envFile(server: string, created: CreatedKey): string {
  const comment = created.comment.replace(/[\r\n]+/g, ' ').trim()
  return [
    `# ${comment || 'API key'} (${created.id})`,
    `DAYPASS_URL=${server}`,
    `DAYPASS_KEY=${created.key}`,
    ...(created.secret ? [`DAYPASS_KEY_ID=${created.id}`, `DAYPASS_SECRET=${created.secret}`] : []),
    '',
  ].join('\n')
}

/** How a program makes passes from the key, which it finds in its environment. */
export function exchangeSnippets(server: string): Snippets {
  return {
    curl: `curl -X POST ${server}/v1/tokens \\
  -H "Api-Key: $DAYPASS_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{"expires_in": 3600}'`,
    js: `import { Daypass } from '@daypass/client'

const daypass = new Daypass({
  url: '${server}',
  tokenOptions: { expires_in: 3600 },
}).withKey(process.env.DAYPASS_KEY)

const pass = await daypass.token() // renewed before it ends`,
    go: `client, err := daypass.New("${server}", daypass.WithKey(os.Getenv("DAYPASS_KEY")))
if err != nil {
	log.Fatal(err)
}
pass, err := client.Exchange(ctx, daypass.ExchangeRequest{Life: time.Hour})`,
  }
}

/** The same for a key that signs. */
export function signingSnippets(server: string): Snippets {
  return {
    curl: `# The text of this key is not enough: each request carries a signature by its
# secret (RFC 9421), which curl cannot make. ${server}/docs/signed-requests says how.`,
    js: `import { Daypass, Signer } from '@daypass/client'

const signer = new Signer(process.env.DAYPASS_KEY_ID, process.env.DAYPASS_SECRET)
const daypass = new Daypass({
  url: '${server}',
  tokenOptions: { expires_in: 3600 },
  fetch: signer.transport(),
}).withLogin((exchange) => exchange())

const pass = await daypass.token() // renewed before it ends`,
    go: `client, err := daypass.New("${server}", daypass.WithSigningKey(os.Getenv("DAYPASS_KEY_ID"), os.Getenv("DAYPASS_SECRET")))
if err != nil {
	log.Fatal(err)
}
pass, err := client.Exchange(ctx, daypass.ExchangeRequest{Life: time.Hour})`,
  }
}
