import type { Schemas } from '~/session'
import type { Snippets } from './show'

/** A key with its text, which the server tells once. */
export type CreatedKey = Pick<Schemas['KeyCreated'], 'id' | 'key' | 'secret' | 'comment'>

/** A request that passes of a key get through with. */
export type Sample = {
  /** Where the gateway is asked on its own machine. */
  gateway: string | undefined
  /** The name that the application has for its clients, if it has one. */
  host: string | undefined
  path: string
}

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

/** The lines of a shell that ask the sample with the pass in $PASS. */
export function askWithPass({ gateway, host, path }: Sample): string {
  const named = gateway && host ? ` \\\n  -H "Host: ${host}"` : ''
  return `curl -i ${gateway ?? origin({ gateway, host })}${path}${named} \\\n  -H "Authorization: Bearer $PASS"`
}

/** Takes the token out of the answer to an exchange, with what every machine has. */
export const tokenOfAnswer = `  | sed -E 's/.*"token":"([^"]+)".*/\\1/')`

/** How a program makes passes from the key, which it finds in its environment, and asks an API with them. */
export function exchangeSnippets(server: string, sample: Sample, { key }: Pick<CreatedKey, 'key'>): Snippets {
  return {
    curl: `export DAYPASS_KEY=${key}
PASS=$(curl -s -X POST ${server}/v1/tokens \\
  -H "Api-Key: $DAYPASS_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{"expires_in": 3600}' \\
${tokenOfAnswer}

${askWithPass(sample)}`,
    js: `import { Daypass } from '@daypass/client'

const daypass = new Daypass({
  url: '${server}',
  tokenOptions: { expires_in: 3600 },
  origins: ['${origin(sample)}'], // may see the pass
}).withKey(process.env.DAYPASS_KEY)

${fetching(sample)}`,
    go: `client, err := daypass.New("${server}", daypass.WithKey(os.Getenv("DAYPASS_KEY")))
${transporting(sample)}`,
  }
}

/** The same for a key that signs. */
export function signingSnippets(server: string, sample: Sample): Snippets {
  return {
    curl: `# The text of this key is not enough: each request carries a signature by its
# secret (RFC 9421), which curl cannot make. ${server}/docs/signed-requests says how.`,
    js: `import { Daypass, Signer } from '@daypass/client'

const signer = new Signer(process.env.DAYPASS_KEY_ID, process.env.DAYPASS_SECRET)
const daypass = new Daypass({
  url: '${server}',
  tokenOptions: { expires_in: 3600 },
  origins: ['${origin(sample)}'], // may see the pass
  fetch: signer.transport(),
}).withLogin((exchange) => exchange())

${fetching(sample)}`,
    go: `client, err := daypass.New("${server}", daypass.WithSigningKey(os.Getenv("DAYPASS_KEY_ID"), os.Getenv("DAYPASS_SECRET")))
${transporting(sample)}`,
  }
}

const origin = ({ gateway, host }: Pick<Sample, 'gateway' | 'host'>) => (host ? `https://${host}` : (gateway ?? 'https://api.example.com'))

const fetching = (sample: Sample) => `// Makes a pass, and the next one before that ends.
const answer = await daypass.fetch('${origin(sample)}${sample.path}')`

const transporting = (sample: Sample) => `if err != nil {
	log.Fatal(err)
}
source := client.TokenSource(daypass.ExchangeRequest{Life: time.Hour})
transport, err := daypass.NewTransport(source, "${origin(sample)}") // may see the pass
if err != nil {
	log.Fatal(err)
}
// Makes a pass, and the next one before that ends.
answer, err := (&http.Client{Transport: transport}).Get("${origin(sample)}${sample.path}")`
