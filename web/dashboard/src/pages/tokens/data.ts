import { useQuery } from '@tanstack/react-query'
import { ok, useSession } from '~/session'
import { pages } from '../keys/read'
import type { Pass } from './lineage'

/** The record of a pass, whether it lives or not. */
export function usePass(id: string, listed?: Pass) {
  const { org, api } = useSession()
  return useQuery({
    queryKey: [org, 'tokens', 'one', id],
    enabled: id !== '',
    ...(listed && { initialData: listed, initialDataUpdatedAt: 0 }),
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/tokens/{token}', { params: { path: { org, token: id } }, signal })),
  })
}

/** The live passes that can be of one line with the pass: those of its key, or of its user where there is none. `more`: there are others still. */
export function useRelated(pass: Pass | undefined) {
  const { org, api } = useSession()
  const of = pass?.key ? { key: pass.key } : { user: pass?.user ?? '' }
  return useQuery({
    queryKey: [org, 'tokens', 'related', of],
    enabled: pass !== undefined,
    queryFn: ({ signal }) => pages(5, (cursor) => ok(api.GET('/v1/organizations/{org}/tokens', { params: { path: { org }, query: { ...cursor, ...of, limit: 200 } }, signal }))),
  })
}

/** How a program lists passes, and ends one. */
export const snippets = (server: string, org: string) => ({
  curl: `# Make one of a key
curl -X POST ${server}/v1/tokens \\
  -H "Api-Key: $DAYPASS_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '{"expires_in": 3600}'

# See it here
curl ${server}/v1/organizations/${org}/tokens \\
  -H "Api-Key: $DAYPASS_KEY"`,
  js: `import { Daypass } from '@daypass/client'

const daypass = new Daypass({
  url: '${server}',
  tokenOptions: { expires_in: 3600 },
}).withKey(process.env.DAYPASS_KEY)

const answer = await daypass.fetch('${server}/v1/organizations/${org}/tokens')
const { items } = await answer.json()`,
  go: `client, err := daypass.New("${server}", daypass.WithKey(os.Getenv("DAYPASS_KEY")))
if err != nil {
	log.Fatal(err)
}
pass, err := client.Exchange(ctx, daypass.ExchangeRequest{Life: time.Hour})`,
})
