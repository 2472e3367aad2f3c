import { useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { AppWindow } from 'lucide-react'
import { useState } from 'react'
import { parse, parseDocument } from 'yaml'
import { Badge, Button, Checkbox, EmptyState, ErrorPanel, Field, Input, Sheet, Skeleton, Table, toast } from '~/parts'
import { ok, Problem, type Schemas, session, useSession } from '~/session'
import { usePages } from '~/session/pages'
import { seconds } from './time'

type Application = Schemas['Application']
type Tokens = { default_life?: string | number; max_life?: string | number; encrypt?: boolean }
type File = { text: string; etag: string | null; tokens: Tokens }

async function read(org: string, app: string, signal: AbortSignal): Promise<File> {
  const answer = await session.fetch(`/v1/organizations/${org}/applications/${app}`, { headers: { accept: 'application/yaml' }, signal })
  if (!answer.ok) throw await Problem.from(answer)
  const text = await answer.text()
  const file = parse(text) as { tokens?: Tokens } | null
  return { text, etag: answer.headers.get('etag'), tokens: file?.tokens ?? {} }
}

/** How long passes for each application last when nothing is asked, and at most. It stands in the resource file. */
export function TokenDefaults() {
  const { org, api } = useSession()
  const [editing, setEditing] = useState<Application>()
  const applications = usePages([org, 'applications', 'pages'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { ...cursor, limit: 50 } }, signal })))
  const files = useQueries({
    queries: applications.rows.map((application) => ({ queryKey: [org, 'applications', application.slug, 'file'], queryFn: ({ signal }: { signal: AbortSignal }) => read(org, application.slug, signal) })),
  })
  const of = (application: Application) => files[applications.rows.indexOf(application)]
  const show = (application: Application, value: (tokens: Tokens) => string | undefined) => {
    const file = of(application)
    if (!file || file.isPending) return <Skeleton className="h-4 w-16" />
    if (file.error) return <span className="text-muted">unreadable</span>
    return value(file.data.tokens) ?? <span className="text-muted">server’s</span>
  }
  return (
    <div className="flex flex-col gap-3">
      <p className="max-w-prose text-muted">Where an application says nothing, the server’s settings hold: a pass lasts a day unless asked for otherwise, and 30 days at most (token-life, max-token-life). A key may have a ceiling of its own.</p>
      <Table
        label="Pass defaults by application"
        {...applications}
        rowKey={(application) => application.id}
        onOpen={setEditing}
        empty={<EmptyState icon={AppWindow} title="No applications yet">Each application says in its resource file how long passes for it last.</EmptyState>}
        columns={[
          { id: 'slug', header: 'Application', cell: (application) => <button type="button" onClick={() => setEditing(application)} className="max-w-full truncate font-medium hover:underline">{application.slug}</button> },
          { id: 'default', header: 'Unless asked', width: '6.5rem', cell: (application) => show(application, (tokens) => tokens.default_life?.toString()) },
          { id: 'max', header: 'At most', width: '6.5rem', cell: (application) => show(application, (tokens) => tokens.max_life?.toString()) },
          { id: 'encrypt', header: 'Encrypted', width: '8rem', wide: true, cell: (application) => show(application, (tokens) => (tokens.encrypt ? 'yes' : 'no')) },
          { id: 'state', header: 'State', width: '7rem', wide: true, cell: (application) => (application.active ? <Badge tone="good">active</Badge> : <Badge tone="bad">inactive</Badge>) },
        ]}
      />
      <Sheet open={editing !== undefined} onClose={() => setEditing(undefined)} title={`Passes for ${editing?.slug ?? ''}`} description="Written into the resource file; the rest of it, and its comments, stay as they are.">
        {editing && <Editor app={editing.slug} onClose={() => setEditing(undefined)} />}
      </Sheet>
    </div>
  )
}

function Editor({ app, onClose }: { app: string; onClose: () => void }) {
  const { org } = useSession()
  const file = useQuery({ queryKey: [org, 'applications', app, 'file'], queryFn: ({ signal }) => read(org, app, signal) })
  if (file.error) return <ErrorPanel error={file.error} retry={() => void file.refetch()} />
  if (!file.data) return <Skeleton className="h-40 w-full" />
  return <Form app={app} file={file.data} onClose={onClose} />
}

function Form({ app, file, onClose }: { app: string; file: File; onClose: () => void }) {
  const { org } = useSession()
  const queries = useQueryClient()
  const [life, setLife] = useState(file.tokens.default_life?.toString() ?? '')
  const [most, setMost] = useState(file.tokens.max_life?.toString() ?? '')
  const [encrypt, setEncrypt] = useState(file.tokens.encrypt ?? false)
  const wrong = (text: string) => (text && !seconds(text) ? 'as in 15m, 8h or 30d' : undefined)
  const save = useMutation({
    mutationFn: async () => {
      const document = parseDocument(file.text)
      const tokens = { ...(life && { default_life: life }), ...(most && { max_life: most }), ...(encrypt && { encrypt }) }
      if (Object.keys(tokens).length > 0) document.set('tokens', document.createNode(tokens, { flow: true }))
      else document.delete('tokens')
      const answer = await session.fetch(`/v1/organizations/${org}/applications/${app}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/yaml', ...(file.etag && { 'if-match': file.etag }) },
        body: document.toString({ lineWidth: 0 }),
      })
      if (!answer.ok) throw await Problem.from(answer)
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: [org, 'applications'] })
      toast.done('Saved', 'Passes made from now on follow it.')
      onClose()
    },
  })
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        if (!save.isPending && !wrong(life) && !wrong(most)) save.mutate()
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Life unless asked for" hint="15m, 8h, 30d; empty: the server’s." error={wrong(life)}>
          <Input mono value={life} onChange={(event) => setLife(event.target.value.trim())} placeholder="1h" />
        </Field>
        <Field label="Longest life" hint="Asking for more is refused." error={wrong(most)}>
          <Input mono value={most} onChange={(event) => setMost(event.target.value.trim())} placeholder="30d" />
        </Field>
      </div>
      <Checkbox label="Encrypt every pass that names this application" hint="Callers cannot read what their passes say." checked={encrypt} onChange={setEncrypt} />
      {save.error && <ErrorPanel error={save.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" tone="primary" busy={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  )
}
