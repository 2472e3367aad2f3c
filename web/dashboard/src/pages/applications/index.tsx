import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { AppWindow, Plus } from 'lucide-react'
import { useRef, useState } from 'react'
import { Badge, Button, Checkbox, Dialog, EmptyState, ErrorPanel, Field, Input, PageHeader, RelativeTime, SearchBox, Table } from '~/parts'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { usePages } from '~/session/pages'
import { useCommands } from '~/shell/commands'
import { useQueryParam } from '~/shell/query'
import { getFile, putFile } from '../application/data'
import { marksOf } from '../application/marks'
import { slug, starter } from './starter'

type Application = Schemas['Application']
const shadows = { beside: 'file in shadow mode', rules: 'rules in shadow mode', alone: 'nothing enforced' }

export default function Applications() {
  const { org, api } = useSession()
  const navigate = useNavigate()
  const [filter, setFilter] = useQueryParam('q')
  const [making, setMaking] = useQueryParam('new')
  const applications = usePages([org, 'applications'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/applications', { params: { path: { org }, query: { ...cursor, limit: 200 } }, signal })))
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const rows = applications.rows.filter((row) => words.every((word) => `${row.slug} ${row.audience} ${row.active ? 'on' : 'off'} ${row.shadow ? shadows[row.shadow] : ''}`.toLowerCase().includes(word)))
  const open = (app: Application) => void navigate({ to: '/o/$org/applications/$app', params: { org, app: app.slug } })
  const create = () => setMaking('1')
  useCommands([{ id: 'applications.create', title: 'Create an application', keywords: 'new api protect', run: create }], [])

  return (
    <>
      <PageHeader title="Applications" description="What Daypass stands before: each has one resource file that says which requests need what." actions={<Button tone="primary" icon={Plus} onClick={create}>Create an application</Button>} />
      {(applications.rows.length > 0 || filter) && <SearchBox label="Search applications" value={filter} onChange={setFilter} className="mb-3 w-full sm:w-72" />}
      <Table
        label="Applications"
        {...applications}
        rows={rows}
        rowKey={(app) => app.id}
        onOpen={open}
        empty={
          filter ? (
            <EmptyState icon={AppWindow} title="No application fits the search" />
          ) : (
            <EmptyState
              icon={AppWindow}
              title="No applications yet"
              action={<Button tone="primary" icon={Plus} onClick={create}>Create an application</Button>}
              snippets={{
                curl: `curl -X PUT ${location.origin}/v1/organizations/${org}/applications/photos \\\n  -H "Authorization: Bearer $PASS" -H "Content-Type: application/yaml" \\\n  --data-binary @photos.yaml`,
                js: `await fetch('${location.origin}/v1/organizations/${org}/applications/photos', {\n  method: 'PUT',\n  headers: { authorization: \`Bearer \${pass}\`, 'content-type': 'application/yaml' },\n  body: file,\n})`,
                go: `request, _ := http.NewRequest("PUT", "${location.origin}/v1/organizations/${org}/applications/photos", file)\nrequest.Header.Set("Authorization", "Bearer "+pass)\nrequest.Header.Set("Content-Type", "application/yaml")\nanswer, err := http.DefaultClient.Do(request)`,
              }}
            >
              An application is an API of yours. Say where it is and what its requests need, and only good passes get through.
            </EmptyState>
          )
        }
        columns={[
          { id: 'slug', header: 'Name', cell: (app) => <span className="font-medium">{app.slug}</span> },
          { id: 'audience', header: 'Audience', wide: true, cell: (app) => <code className="font-mono text-xs">{app.audience}</code> },
          {
            id: 'state',
            header: 'State',
            width: '13rem',
            cell: (app) => (
              <span className="flex gap-1.5">
                {app.active ? <Badge tone="good">on</Badge> : <Badge tone="warn">off</Badge>}
                {app.shadow && <Badge tone="info">{shadows[app.shadow]}</Badge>}
                {app.warning && !app.shadow && <Badge tone="warn">no requests</Badge>}
              </span>
            ),
          },
          { id: 'created', header: 'Created', width: '10rem', wide: true, cell: (app) => <RelativeTime time={app.created} /> },
          { id: 'revision', header: 'Revision', width: '7rem', align: 'right', wide: true, cell: (app) => <span className="tabular-nums">{app.revision}</span> },
        ]}
      />
      <Create open={making !== ''} onClose={() => setMaking('')} />
    </>
  )
}

function Create({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { org } = useSession()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const first = useRef<HTMLInputElement>(null)
  const [name, setName] = useState('')
  const [host, setHost] = useState('')
  const [upstream, setUpstream] = useState('')
  const [pub, setPub] = useState(false)
  const create = useMutation({
    mutationFn: async () => {
      const taken = await getFile(org, name, '').then(
        () => true,
        (error: unknown) => {
          if (Problem.of(error).status === 404) return false
          throw error
        },
      )
      if (taken) throw new Problem(409, { code: 'conflict', title: 'Conflict', detail: `there is an application "${name}" already`, errors: [{ pointer: '/name', message: 'there is one of this name already' }] })
      return putFile(org, name, starter({ name, host: host.trim(), upstream: upstream.trim(), open: pub }))
    },
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: [org, 'applications'] })
      await navigate({ to: '/o/$org/applications/$app', params: { org, app: made.slug } })
    },
  })
  const problem = create.error ? Problem.of(create.error) : undefined
  const said = problem?.code === 'invalid_resources' ? problem.fields : []
  const of = (pointer: string) => said.filter((field) => field.pointer.startsWith(pointer)).map((field) => marksOf([field.message])[0]?.message ?? field.message)[0]
  const wrong = name && !slug.test(name) ? 'small letters, digits and hyphens, at most 63' : problem?.field('/name')
  const placed = of('/hosts') ?? of('/upstream') ?? problem?.field('/name')
  return (
    <Dialog
      open={open}
      onClose={() => (create.reset(), onClose())}
      title="Create an application"
      initialFocus={first}
      description="It begins with a rule for reading and one for writing. You change them in the editor next."
      footer={
        <>
          <Button onClick={() => (create.reset(), onClose())}>Cancel</Button>
          <Button type="submit" form="create-application" tone="primary" busy={create.isPending} disabled={!slug.test(name)}>Create</Button>
        </>
      }
    >
      <form id="create-application" className="flex flex-col gap-4" onSubmit={(event) => (event.preventDefault(), create.mutate())}>
        <Field label="Name" required hint="As it stands in addresses and passes: photos" error={wrong}>
          <Input ref={first} mono maxLength={63} value={name} onChange={(event) => setName(event.target.value.toLowerCase())} />
        </Field>
        <Field label="Host" hint="That it is called by, without scheme and port: photos.example.com. Empty: any host that no other application has." error={of('/hosts')}>
          <Input mono value={host} onChange={(event) => setHost(event.target.value)} />
        </Field>
        <Field label="Upstream" hint="Where the gateway sends requests: http://127.0.0.1:9000. Not needed behind forward-auth." error={of('/upstream')}>
          <Input mono value={upstream} onChange={(event) => setUpstream(event.target.value)} />
        </Field>
        <Checkbox label="Everybody may read what is below /public" checked={pub} onChange={setPub} />
        {create.error && !placed && <ErrorPanel error={create.error} />}
      </form>
    </Dialog>
  )
}
