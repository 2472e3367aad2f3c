import { useQuery } from '@tanstack/react-query'
import { Problem, type Schemas, session } from '~/session'
import { ok, useSession } from '~/session'

export type Application = Schemas['Application']
export type Comparison = Schemas['Comparison']
export type Text = { text: string; tag: string }

const yaml = 'application/yaml'

function path(org: string, app: string, rest = ''): string {
  return `/v1/organizations/${encodeURIComponent(org)}/applications/${encodeURIComponent(app)}${rest}`
}

/** The resource file that is enforced, or with `/shadow` the one that is tried, as it was put. */
export async function getFile(org: string, app: string, rest: '' | '/shadow', signal?: AbortSignal): Promise<Text> {
  const answer = await session.fetch(path(org, app, rest), { headers: { accept: yaml }, ...(signal && { signal }) })
  if (!answer.ok) throw await Problem.from(answer)
  return { text: await answer.text(), tag: answer.headers.get('etag') ?? '' }
}

/** Puts a file. With `tag` only over what had that tag (412 otherwise). */
export async function putFile(org: string, app: string, text: string, tag?: string): Promise<Application & { tag: string }> {
  const answer = await session.fetch(path(org, app), { method: 'PUT', headers: { 'content-type': yaml, ...(tag && { 'if-match': tag }) }, body: text })
  if (!answer.ok) throw await Problem.from(answer)
  return { ...((await answer.json()) as Application), tag: answer.headers.get('etag') ?? '' }
}

/** What another file would have answered to the requests that are kept. */
export async function replay(org: string, app: string, text: string, since?: string, signal?: AbortSignal): Promise<Comparison> {
  const query = since ? `?${new URLSearchParams({ since })}` : ''
  const answer = await session.fetch(path(org, app, `/replay${query}`), { method: 'POST', headers: { 'content-type': yaml }, body: text, ...(signal && { signal }) })
  if (!answer.ok) throw await Problem.from(answer)
  return (await answer.json()) as Comparison
}

/** The application of a slug or an id; only the list tells of it. */
export function useApplication(app: string) {
  const { org, api } = useSession()
  return useQuery({
    queryKey: [org, 'applications', 'one', app],
    queryFn: async ({ signal }) => {
      let cursor: string | undefined
      do {
        const page = await ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { limit: 200, ...(cursor && { cursor }) } }, signal }))
        const found = page.items.find((item) => item.slug === app || item.id === app)
        if (found) return found
        cursor = page.next_cursor
      } while (cursor)
      throw new Problem(404, { code: 'not_found', title: 'Not found', detail: `there is no application "${app}" in this organization, or this login may not see it` })
    },
  })
}
