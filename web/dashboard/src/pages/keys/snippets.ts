import type { Snippets } from '~/parts'

/** How a key is made without a dashboard. */
export function createSnippets(server: string, org: string): Snippets {
  return {
    curl: `curl -X POST ${server}/v1/organizations/${org}/keys \\
  -H "Authorization: Bearer $DAYPASS_TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{"comment": "For the web shop", "scopes": ["photos:read"]}'`,
    js: `const answer = await daypass.fetch('${server}/v1/organizations/${org}/keys', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ comment: 'For the web shop', scopes: ['photos:read'] }),
})
const { key } = await answer.json() // shown only now`,
    go: `key, err := daypass.Answer[api.KeyCreated](client.API().CreateKey(ctx, "${org}", nil, api.KeyCreate{
	Scopes:  []string{"photos:read"},
	Comment: new("For the web shop"),
}))`,
  }
}
