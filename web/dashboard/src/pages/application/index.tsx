import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useBlocker, useNavigate, useParams } from '@tanstack/react-router'
import { EllipsisVertical, FileUp, Power, PowerOff, Save, Trash2, Undo2 } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { Badge, Button, buttonClass, ConfirmDialog, ErrorPanel, IconButton, Menu, PageHeader, Skeleton, Tabs, toast } from '~/parts'
import { ok, Problem, useSession } from '~/session'
import { useCommands } from '~/shell/commands'
import { useQueryParam } from '~/shell/query'
import { useNames } from '../audit/names'
import { type Application, getFile, type Text, useApplication } from './data'
import { Editor, type EditorHandle } from './editor'
import { longFrom, read } from './file'
import { ImportDialog } from './import-dialog'
import { type Mark, marksOf } from './marks'
import { NetworksTab } from './networks-tab'
import { RoutesTab } from './routes-tab'
import { SaveDialog } from './save-dialog'
import { ShadowTab } from './shadow-tab'
import { TestTab } from './test-tab'

const shadows = { beside: 'A file in shadow mode', rules: 'Rules in shadow mode', alone: 'Nothing enforced yet' }

export default function ApplicationPage() {
  const { org } = useSession()
  const app = useParams({ strict: false }).app ?? ''
  const application = useApplication(app)
  const file = useQuery({ queryKey: [org, 'applications', 'file', app], queryFn: ({ signal }) => getFile(org, app, '', signal), refetchOnWindowFocus: false })
  const error = application.error ?? file.error
  if (error) {
    return (
      <>
        <PageHeader title={app} />
        <div className="flex flex-col items-start gap-4">
          <div className="w-full"><ErrorPanel error={error} retry={() => void Promise.all([application.refetch(), file.refetch()])} /></div>
          <Link to="/o/$org/applications" params={{ org }} className={buttonClass()}>All applications</Link>
        </div>
      </>
    )
  }
  if (!application.data || !file.data) {
    return (
      <>
        <PageHeader title={app} description={<Skeleton className="h-5 w-64" />} />
        <Skeleton className="mb-4 h-9 w-96 max-w-full" />
        <Skeleton className="h-[min(54dvh,44rem)] min-h-72 w-full" />
      </>
    )
  }
  return <Shown key={application.data.id} application={application.data} first={file.data} />
}

function Shown({ application, first }: { application: Application; first: Text }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const app = application.slug
  const [tab, setTab] = useQueryParam('tab', 'file')
  const [base, setBase] = useState(first)
  const [draft, setDraft] = useState(first.text)
  const [refused, setRefused] = useState<{ text: string; marks: Mark[]; problem: Problem }>()
  const [warnings, setWarnings] = useState<string[]>([])
  const [asked, setAsked] = useState<'save' | 'import' | 'delete' | 'off' | 'discard'>()
  const [target, setTarget] = useState<{ line: number; column: number }>()
  const editor = useRef<EditorHandle>(null)
  const { keys } = useNames()
  const dirty = draft !== base.text

  const checked = useSettled(draft)
  const known = useMemo(() => read(checked), [checked])
  const server = refused && refused.text === draft ? refused.marks : undefined
  const marks = server?.length ? server : known.marks

  // Another tab or a promotion changed the file; without changes of one's own it is simply shown.
  const seen = useRef(first)
  useEffect(() => {
    if (first === seen.current) return
    seen.current = first
    if (!dirty) setDraft(first.text)
    if (!dirty) setBase(first)
  }, [first, dirty])

  useEffect(() => {
    if (tab !== 'file' || !target) return
    editor.current?.goTo(target.line, target.column)
    setTarget(undefined)
  }, [tab, target])

  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => dirty,
    withResolver: true,
  })

  const reread = async () => {
    await queries.invalidateQueries({ queryKey: [org, 'applications'] })
  }
  const readFile = async () => {
    const fresh = await getFile(org, app, '')
    seen.current = fresh
    queries.setQueryData([org, 'applications', 'file', app], fresh)
    return fresh
  }
  const goTo = (line: number, column = 1) => {
    setTarget({ line, column })
    setTab('file')
  }
  const change = useMutation({
    mutationFn: (active: boolean) => ok(api.PATCH('/v1/organizations/{org}/applications/{app}', { params: { path: { org, app } }, body: { active } })),
    onSuccess: async (now) => {
      setBase((old) => ({ ...old, tag: `"${now.revision}"` }))
      await reread()
      toast.done(now.active ? 'Switched on' : 'Switched off')
    },
    onError: toast.fail,
  })
  const remove = useMutation({
    mutationFn: () => ok(api.DELETE('/v1/organizations/{org}/applications/{app}', { params: { path: { org, app } } })),
    onSuccess: async () => {
      setDraft(base.text)
      toast.done('Application deleted')
      await navigate({ to: '/o/$org/applications', params: { org }, ignoreBlocker: true })
      queries.removeQueries({ queryKey: [org, 'applications', 'file', app] })
      queries.removeQueries({ queryKey: [org, 'applications', 'one', app] })
      await queries.invalidateQueries({ queryKey: [org, 'applications'] })
    },
  })
  const review = () => {
    if (dirty) setAsked('save')
  }

  useCommands(
    [
      { id: 'application.file', title: `Edit the file of ${app}`, keywords: 'yaml resources', run: () => setTab('file') },
      { id: 'application.test', title: `Test a request to ${app}`, keywords: 'explain try', run: () => setTab('test') },
      { id: 'application.routes', title: `Rules of ${app}`, keywords: 'routes resources', run: () => setTab('routes') },
      { id: 'application.import', title: `Import OpenAPI into ${app}`, keywords: 'swagger', run: () => setAsked('import') },
    ],
    [app],
  )

  return (
    <>
      <PageHeader
        title={app}
        description={<>Passes for it carry the audience <code className="font-mono text-xs">{application.audience}</code>.</>}
        actions={
          <Menu
            trigger={<IconButton label="More actions" icon={EllipsisVertical} />}
            items={[
              application.active ? { label: 'Switch off', icon: PowerOff, onSelect: () => setAsked('off') } : { label: 'Switch on', icon: Power, onSelect: () => change.mutate(true) },
              { label: 'Import OpenAPI', icon: FileUp, onSelect: () => (setTab('file'), setAsked('import')) },
              'line',
              { label: 'Delete', icon: Trash2, danger: true, onSelect: () => setAsked('delete') },
            ]}
          />
        }
      >
        <p className="mt-2 flex flex-wrap gap-2">
          {application.active ? <Badge tone="good">on</Badge> : <Badge tone="warn">off: every request is denied</Badge>}
          {application.shadow && <Badge tone="info">{shadows[application.shadow]}</Badge>}
          {dirty && <Badge tone="warn">unsaved changes</Badge>}
        </p>
        {application.warning && (
          <p role="note" className="mt-3 rounded-lg border border-warn/40 bg-warn-soft px-3 py-2 text-warn">
            <span className="font-mono text-xs">{application.audience}</span> {application.warning}.
          </p>
        )}
      </PageHeader>
      <Tabs
        label="Views of the application"
        value={tab}
        onChange={setTab}
        tabs={[
          {
            id: 'file',
            label: 'Resource file',
            content: (
              <div className="flex flex-col gap-3">
                <div className="flex flex-wrap items-center gap-2">
                  <Button tone="primary" icon={Save} disabled={!dirty} onClick={review}>Review and save</Button>
                  <Button icon={Undo2} disabled={!dirty} onClick={() => setAsked('discard')}>Discard</Button>
                  <Button icon={FileUp} onClick={() => setAsked('import')}>Import OpenAPI</Button>
                  <a href="https://github.com/daypass/daypass/blob/main/docs/resources.md" rel="noreferrer" target="_blank" className="ml-auto text-accent underline underline-offset-2">What may stand here</a>
                </div>
                {warnings.length > 0 && (
                  <div className="rounded-lg border border-warn/40 bg-warn-soft p-3">
                    <p className="flex items-center justify-between gap-3 font-medium text-warn">
                      {warnings.length} {warnings.length === 1 ? 'thing' : 'things'} to look at after the import
                      <Button size="small" onClick={() => setWarnings([])}>Seen</Button>
                    </p>
                    <ul tabIndex={0} aria-label="Warnings of the import" className="mt-1 max-h-40 list-disc overflow-y-auto pl-5">{warnings.map((warning) => <li key={warning}>{warning}</li>)}</ul>
                  </div>
                )}
                <Editor ref={editor} label="Resource file, YAML" value={draft} onChange={setDraft} marks={marks} onSave={review} invalid={marks.length > 0} describedBy="file-marks" />
                <div id="file-marks" aria-live="polite" className="min-h-6">
                  <Marks marks={marks} byServer={!!server?.length} pending={checked !== draft} onOpen={goTo} rules={known.rules.length} />
                </div>
              </div>
            ),
          },
          { id: 'routes', label: 'Rules', content: <RoutesTab rules={known.rules} changed={dirty} onOpen={(rule) => goTo(rule.line)} /> },
          { id: 'test', label: 'Test a request', content: <TestTab org={application.organization} slug={app} hosts={known.hosts} rules={known.rules} onLine={goTo} /> },
          {
            id: 'shadow',
            label: 'Shadow and replay',
            content: (
              <ShadowTab
                application={application}
                base={base}
                draft={draft}
                keyNames={keys}
                onChanged={async () => {
                  const fresh = await readFile()
                  if (!dirty) setDraft(fresh.text)
                  setBase(fresh)
                  await reread()
                }}
                onEdit={(text) => (setDraft(text), setTab('file'))}
              />
            ),
          },
          { id: 'networks', label: 'Networks', content: <NetworksTab app={app} denied={known.denied} allowed={known.allowed} /> },
        ]}
      />

      <SaveDialog
        open={asked === 'save'}
        onClose={() => setAsked(undefined)}
        app={app}
        base={base}
        draft={draft}
        keyNames={keys}
        onSaved={async ({ application: now, text, tag, shadow }) => {
          setAsked(undefined)
          setWarnings([])
          if (shadow) {
            // What is enforced stays as it was; the draft goes on in shadow mode.
            setBase((old) => ({ ...old, tag }))
            setDraft(base.text)
            setTab('shadow')
          } else {
            setBase({ text, tag })
            setDraft(text)
          }
          seen.current = { text: shadow ? base.text : text, tag }
          queries.setQueryData([org, 'applications', 'file', app], seen.current)
          await reread()
          toast.done(shadow ? 'Tried in shadow mode' : 'Saved and enforced', now.warning)
        }}
        onRefused={(problem) => {
          const found = marksOf(problem.fields.length ? problem.fields.map((field) => field.message) : problem.detail.split('\n'))
          setRefused({ text: draft, marks: found, problem })
          setAsked(undefined)
          const [at] = found
          if (at) goTo(at.line, at.column)
          else toast.fail(problem)
        }}
        onStale={() => void readFile().then(setBase).catch(toast.fail)}
      />
      <ImportDialog
        open={asked === 'import'}
        onClose={() => setAsked(undefined)}
        draft={draft}
        onImported={(text, resources, found) => {
          setDraft(text)
          setWarnings(found)
          setTab('file')
          toast.done(`${resources} ${resources === 1 ? 'resource' : 'resources'} in the editor`, 'Nothing is saved yet.')
        }}
      />
      <ConfirmDialog open={asked === 'discard'} onClose={() => setAsked(undefined)} title="Discard your changes?" action="Discard" onConfirm={() => (setDraft(base.text), setWarnings([]))}>
        <p>The editor shows the file that is in force again.</p>
      </ConfirmDialog>
      <ConfirmDialog open={asked === 'off'} onClose={() => setAsked(undefined)} title={`Switch ${app} off?`} action="Switch off" onConfirm={() => change.mutateAsync(false)}>
        <p>Every request to it is denied from the next one on. Its rules are kept.</p>
      </ConfirmDialog>
      <ConfirmDialog open={asked === 'delete'} onClose={() => setAsked(undefined)} title={`Delete ${app}?`} word={app} action="Delete" onConfirm={() => remove.mutateAsync()}>
        <p>Its rules are gone, its requests are denied, and passes whose audience it is are refused from the next request on.</p>
      </ConfirmDialog>
      <ConfirmDialog open={blocker.status === 'blocked'} onClose={() => blocker.status === 'blocked' && blocker.reset()} title="Leave without saving?" action="Leave" onConfirm={() => blocker.proceed?.()}>
        <p>Your changes of the resource file are lost.</p>
      </ConfirmDialog>
    </>
  )
}

/** The text once nobody has typed for a moment; longer for a long one, which takes longer to read. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), text.length > longFrom ? 1000 : 150)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}

function Marks({ marks, byServer, pending, onOpen, rules }: { marks: readonly Mark[]; byServer: boolean; pending: boolean; onOpen: (line: number, column: number) => void; rules: number }) {
  if (marks.length === 0) return <p className="text-xs text-muted">{pending ? 'Checking…' : `${rules} ${rules === 1 ? 'rule' : 'rules'}, nothing wrong found.`} The server checks again when it is saved.</p>
  return (
    <div className="rounded-lg border border-bad/40 bg-bad-soft p-3">
      <p className="font-medium text-bad">{byServer ? 'The server refused the file; nothing was changed' : `${marks.length} ${marks.length === 1 ? 'mistake' : 'mistakes'}`}</p>
      <ul tabIndex={0} aria-label="Mistakes" className="mt-1 flex max-h-40 flex-col gap-1 overflow-y-auto">
        {marks.map((mark, index) => (
          <li key={index} className="flex gap-2">
            <button type="button" onClick={() => onOpen(mark.line, mark.column)} className="shrink-0 self-start whitespace-nowrap text-accent underline underline-offset-2">
              {mark.line}:{mark.column}<span className="sr-only"> go to this line and column</span>
            </button>
            <span className="min-w-0 break-words">{mark.message}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
