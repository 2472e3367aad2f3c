import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { CircleCheckBig, FlaskConical, Pencil, RefreshCw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, Card, ConfirmDialog, EmptyState, ErrorPanel, Field, Select, Skeleton, toast } from '~/parts'
import { ok, useSession } from '~/session'
import { ComparisonView } from './comparison'
import { type Application, getFile, putFile, replay, type Text } from './data'
import { promoted } from './file'
import { DiffView } from './save-dialog'

export function ShadowTab({ application, base, draft, keyNames, onChanged, onEdit }: { application: Application; base: Text; draft: string; keyNames: ReadonlyMap<string, string>; onChanged: () => Promise<unknown>; onEdit: (text: string) => void }) {
  return (
    <div className="flex flex-col gap-6">
      {application.shadow ? <Tried application={application} base={base} keyNames={keyNames} onChanged={onChanged} onEdit={onEdit} /> : <Nothing />}
      <Replay app={application.slug} base={base} draft={draft} keyNames={keyNames} />
    </div>
  )
}

function Nothing() {
  return (
    <EmptyState icon={FlaskConical} title="Nothing is in shadow mode">
      Change the file, and choose “Try it in shadow mode first” when you save. Every request is then decided by both files; the tried one changes no answer. Replay, below, tells at once what the file would have answered of late.
    </EmptyState>
  )
}

const kinds = { beside: 'A second file is tried beside the enforced one', rules: 'Single rules of the file are tried', alone: 'The only file there is, is tried: nothing is enforced, and everything is denied' }

function Tried({ application, base, keyNames, onChanged, onEdit }: { application: Application; base: Text; keyNames: ReadonlyMap<string, string>; onChanged: () => Promise<unknown>; onEdit: (text: string) => void }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const app = application.slug
  const kind = application.shadow!
  const [asked, setAsked] = useState<'promote' | 'drop'>()
  const file = useQuery({ queryKey: [org, 'applications', app, 'shadow', application.revision], queryFn: ({ signal }) => (kind === 'beside' ? getFile(org, app, '/shadow', signal) : Promise.resolve(base)) })
  const told = useQuery({
    queryKey: [org, 'applications', app, 'differences', application.revision],
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/applications/{app}/shadow/differences', { params: { path: { org, app } }, signal })),
  })
  const promote = useMutation({
    mutationFn: async () => putFile(org, app, promoted(file.data!.text), file.data!.tag),
    onSuccess: async () => {
      await onChanged()
      toast.done('Enforced as it was tried')
    },
  })
  const drop = useMutation({
    mutationFn: () => ok(api.DELETE('/v1/organizations/{org}/applications/{app}/shadow', { params: { path: { org, app }, header: { 'If-Match': file.data!.tag } } })),
    onSuccess: async () => {
      await onChanged()
      toast.done('Tried no longer')
    },
  })
  return (
    <>
      <Card
        title={<span className="flex flex-wrap items-center gap-2">In shadow mode <Badge tone="info">{{ beside: 'a second file', rules: 'single rules', alone: 'the only file' }[kind]}</Badge></span>}
        actions={
          <Button size="small" icon={RefreshCw} busy={told.isFetching} onClick={() => void queries.invalidateQueries({ queryKey: [org, 'applications', app, 'differences'] })}>
            Look again
          </Button>
        }
      >
        <div className="flex flex-col gap-4">
          <p>{kinds[kind]}. If it were enforced:</p>
          <ComparisonView comparison={told.data} error={told.error} retry={() => void told.refetch()} keyNames={keyNames} />
          <div className="flex flex-wrap gap-2">
            <Button tone="primary" icon={CircleCheckBig} disabled={!file.data} onClick={() => setAsked('promote')}>Enforce it</Button>
            {kind === 'beside' && <Button icon={Pencil} disabled={!file.data} onClick={() => onEdit(file.data!.text)}>Edit what is tried</Button>}
            {kind === 'beside' && <Button icon={Trash2} disabled={!file.data} onClick={() => setAsked('drop')}>Give it up</Button>}
          </div>
        </div>
      </Card>
      {kind === 'beside' && (
        <Card title="What it changes of the enforced file">
          {file.error ? <ErrorPanel error={file.error} retry={() => void file.refetch()} /> : file.data ? <div className="flex flex-col gap-2"><DiffView before={base.text} after={file.data.text} /></div> : <Skeleton className="h-40" />}
        </Card>
      )}
      <ConfirmDialog open={asked === 'promote'} onClose={() => setAsked(undefined)} title="Enforce what is tried?" tone="primary" action="Enforce" onConfirm={() => promote.mutateAsync()}>
        <p>
          Every <code className="font-mono">mode: shadow</code> of the file becomes <code className="font-mono">mode: enforce</code>; the rest stays as it is, comments too.
          {told.data && told.data.newly_denied > 0 && <strong className="mt-2 block text-bad">{told.data.newly_denied} requests of late would have been denied.</strong>}
          {told.data && told.data.newly_allowed > 0 && <strong className="mt-2 block text-warn">{told.data.newly_allowed} requests of late would have been let through that were not.</strong>}
        </p>
      </ConfirmDialog>
      <ConfirmDialog open={asked === 'drop'} onClose={() => setAsked(undefined)} title="Give up what is tried?" action="Give it up" onConfirm={() => drop.mutateAsync()}>
        <p>The tried file is deleted. The enforced one stays as it is.</p>
      </ConfirmDialog>
    </>
  )
}

const spans = [['', 'All that is kept'], ['3600', 'The last hour'], ['86400', 'The last 24 hours'], ['604800', 'The last 7 days']] as const

function Replay({ app, base, draft, keyNames }: { app: string; base: Text; draft: string; keyNames: ReadonlyMap<string, string> }) {
  const { org } = useSession()
  const [since, setSince] = useState('')
  const [file, setFile] = useState<{ name: string; text: string }>()
  const run = useMutation({ mutationFn: () => replay(org, app, file?.text ?? draft, since ? new Date(Date.now() - Number(since) * 1000).toISOString() : undefined) })
  return (
    <Card title="Replay">
      <div className="flex flex-col gap-4">
        <p className="max-w-prose text-muted">Decides the requests that are kept again, by another file, and compares. Nothing changes.</p>
        <div className="flex flex-wrap items-start gap-3">
          <Field label="Requests" className="w-full sm:w-48">
            <Select value={since} onChange={(event) => setSince(event.target.value)}>
              {spans.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
            </Select>
          </Field>
          <Field label="By a file of yours" className="w-full sm:w-72" hint={file ? `${file.name} is taken` : draft === base.text ? 'Else what is in the editor, which is the file in force' : 'Else what is in the editor, with your changes'}>
            <input
              aria-label="By a file of yours"
              type="file"
              accept=".yaml,.yml,.json"
              className="h-9 w-full text-sm file:mr-3 file:h-9 file:cursor-pointer file:rounded-md file:border file:border-line-strong/60 file:bg-surface file:px-3 file:text-text"
              onChange={async (event) => {
                const chosen = event.target.files?.[0]
                setFile(chosen && { name: chosen.name, text: await chosen.text() })
                run.reset()
              }}
            />
          </Field>
          <Button tone="primary" busy={run.isPending} onClick={() => run.mutate()} className="sm:mt-6">Replay</Button>
        </div>
        {(run.data || run.error) && <ComparisonView comparison={run.data} error={run.error} keyNames={keyNames} />}
      </div>
    </Card>
  )
}
