import { useMutation, useQuery } from '@tanstack/react-query'
import { useDeferredValue, useEffect, useMemo, useState } from 'react'
import { Badge, Button, Checkbox, cx, Dialog, ErrorPanel } from '~/parts'
import { Problem, useSession } from '~/session'
import { ComparisonView } from './comparison'
import { type Application, putFile, replay, type Text } from './data'
import { diff, type Hunk } from './diff'
import { type Read, read, reordered, ruleChanges, shadowed } from './file'

type Saved = { application: Application; text: string; tag: string; shadow: boolean }

/** Shows what saving changes: the text, the rules, and what would have been answered to the requests of late. */
export function SaveDialog({ open, onClose, app, base, draft, keyNames, onSaved, onRefused, onStale }: {
  open: boolean
  onClose: () => void
  app: string
  base: Text
  draft: string
  keyNames: ReadonlyMap<string, string>
  onSaved: (saved: Saved) => void
  onRefused: (problem: Problem) => void
  onStale: () => void
}) {
  const { org } = useSession()
  const [tried, setTried] = useState(false)
  const shown = useDeferredValue(open)
  const before = useMemo(() => read(shown ? base.text : ''), [shown, base.text])
  const after = useMemo(() => read(shown ? draft : ''), [shown, draft])
  const asShadow = tried || after.shadow
  const text = tried && !after.shadow ? shadowed(draft) : draft
  const told = useQuery({
    queryKey: [org, 'applications', app, 'replay', draft],
    queryFn: ({ signal }) => replay(org, app, draft, undefined, signal),
    enabled: shown,
    retry: false,
    staleTime: 0,
    gcTime: 0,
  })
  const save = useMutation({
    mutationFn: () => putFile(org, app, text, base.tag),
    onSuccess: ({ tag, ...application }) => {
      setTried(false)
      onSaved({ application, text, tag, shadow: application.shadow === 'beside' && asShadow })
    },
    onError: (error) => {
      const problem = Problem.of(error)
      if (problem.code === 'invalid_resources') onRefused(problem)
      if (problem.status === 412) onStale()
    },
  })
  const { reset } = save
  useEffect(() => {
    if (open) reset()
  }, [open, reset])
  return (
    <Dialog
      size="large"
      open={open}
      onClose={onClose}
      title="Review and save"
      description={asShadow ? 'The file is tried beside the one that is enforced, which stays.' : 'The gate applies it before the answer comes.'}
      footer={
        <>
          <Button onClick={onClose}>Go on editing</Button>
          <Button tone="primary" busy={save.isPending} onClick={() => save.mutate()}>
            {asShadow ? 'Try in shadow mode' : 'Save and enforce'}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5">
        {save.error && <ErrorPanel error={save.error} />}
        {save.error && Problem.of(save.error).status === 412 && <p>What is in force was read again. Below is what your file would change of it now.</p>}
        <section className="flex flex-col gap-2">
          <h3 className="font-semibold">What changes in the file</h3>
          <DiffView before={base.text} after={text} />
        </section>
        <section className="flex flex-col gap-2">
          <h3 className="font-semibold">Who gets in</h3>
          <Rules before={before} after={after} />
          <p className="mt-1 text-muted">By the requests that are kept:</p>
          <ComparisonView comparison={told.data} error={told.error} keyNames={keyNames} />
        </section>
        {after.shadow ? (
          <p className="text-muted">The file says <code className="font-mono">mode: shadow</code>, so it is only tried.</p>
        ) : (
          <Checkbox label="Try it in shadow mode first" hint="Changes no answer. What it would have answered is recorded, and you enforce it later by one click." checked={tried} onChange={setTried} />
        )}
      </div>
    </Dialog>
  )
}

function Rules({ before, after }: { before: Read; after: Read }) {
  const changes = useMemo(() => ruleChanges(before.rules, after.rules), [before, after])
  if (after.marks.length > 0 && after.rules.length === 0) return <p className="text-muted">The file cannot be read, so its rules are not compared.</p>
  const moved = reordered(before.rules.filter((rule) => !rule.shadow), after.rules.filter((rule) => !rule.shadow))
  const loose = before.denied.filter((network) => !after.denied.includes(network))
  return (
    <>
      {changes.length === 0 && !moved && <p className="text-muted">Every rule asks for what it asked for before.</p>}
      {changes.length > 0 && (
        <div className="overflow-x-auto rounded-lg border border-line" tabIndex={0} role="region" aria-label="Rules that change">
          <table className="w-full min-w-140 text-left">
            <thead>
              <tr className="text-xs text-muted">
                {['Effect', 'Requests', 'Before', 'After'].map((title) => (
                  <th key={title} scope="col" className="border-b border-line px-3 py-2 font-medium">{title}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {changes.slice(0, 100).map((change) => (
                <tr key={change.match} className="align-top not-last:*:border-b *:border-line">
                  <td className="px-3 py-1.5"><Badge tone={change.tone}>{change.effect}</Badge></td>
                  <td className="px-3 py-1.5 font-mono text-xs leading-5 break-all">{change.match}</td>
                  <td className="px-3 py-1.5">{change.before}</td>
                  <td className="px-3 py-1.5">{change.after}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {changes.length > 100 && <p className="text-muted">{changes.length - 100} more rules change.</p>}
      {moved && <p><Badge tone="warn">order</Badge> Rules stand in another order. The first that matches decides, so requests that several match may be decided otherwise.</p>}
      {loose.length > 0 && <p><Badge tone="warn">networks</Badge> No longer denied: <span className="font-mono text-xs">{loose.join(', ')}</span></p>}
    </>
  )
}

/** Two texts, line by line. The marks at the beginning of the lines say what the colours repeat. */
export function DiffView({ before, after }: { before: string; after: string }) {
  const { hunks, added, removed, tail } = useMemo(() => bounded(diff(before, after)), [before, after])
  if (hunks.length === 0) return <p className="text-muted">Nothing.</p>
  return (
    <>
      <p className="text-xs text-muted">
        {added} {added === 1 ? 'line' : 'lines'} added, {removed} removed{added + removed > 1000 ? '; the first 1000 are shown' : ''}
      </p>
      <div tabIndex={0} role="region" aria-label="Changed lines" className="max-h-80 overflow-auto rounded-lg border border-line bg-surface py-1 font-mono text-xs leading-5">
        <div className="w-max min-w-full">
          {hunks.map((hunk, index) => (
            <div key={index}>
              {hunk.skipped > 0 && <Skipped lines={hunk.skipped} />}
              {hunk.lines.map((line, row) => (
                <div key={row} className={cx('flex whitespace-pre', line.kind === '+' && 'bg-good-soft text-good', line.kind === '-' && 'bg-bad-soft text-bad')}>
                  <span aria-hidden className="w-10 shrink-0 pr-2 text-right text-muted select-none">{line.kind === '+' ? line.new : line.old}</span>
                  <span className="w-5 shrink-0 select-none">{line.kind === ' ' ? '' : <><span aria-hidden>{line.kind}</span><span className="sr-only">{line.kind === '+' ? 'added: ' : 'removed: '}</span></>}</span>
                  <span className="pr-3">{line.text || ' '}</span>
                </div>
              ))}
            </div>
          ))}
          {tail > 0 && <Skipped lines={tail} />}
        </div>
      </div>
    </>
  )
}

// So many lines are drawn; nobody reads more.
function bounded<Found extends { hunks: Hunk[]; tail: number }>(found: Found): Found {
  let room = 1000
  const hunks = found.hunks.flatMap((hunk) => {
    const lines = hunk.lines.slice(0, Math.max(room, 0))
    room -= lines.length
    return lines.length ? [{ ...hunk, lines }] : []
  })
  return room > 0 ? found : { ...found, hunks, tail: 0 }
}

function Skipped({ lines }: { lines: number }) {
  return <div className="bg-sunken px-3 text-muted">{lines} {lines === 1 ? 'line' : 'lines'} alike</div>
}

