import { useMutation, useQueryClient } from '@tanstack/react-query'
import { RotateCw } from 'lucide-react'
import { useId, useState } from 'react'
import { Button, cx, Dialog, ErrorPanel, Skeleton } from '~/parts'
import { ok, type Schemas, useSession } from '~/session'
import { useLivePasses } from './read'
import { count } from './usage'

const overlaps = [
  { seconds: 0, label: 'Now', hint: 'The old text was seen by others' },
  { seconds: 3600, label: '1 hour', hint: 'One program to change' },
  { seconds: 86_400, label: '24 hours', hint: 'A few programs' },
  { seconds: 604_800, label: '7 days', hint: 'Somebody else’s programs' },
]

/** Gives a key a new text, and lets the old one work on for a while. */
export function RollDialog({ of: key, onClose, onRolled }: { of: Schemas['Key'] | undefined; onClose: () => void; onRolled: (created: Schemas['KeyCreated']) => void }) {
  const [overlap, setOverlap] = useState(86_400)
  const { org, api } = useSession()
  const queries = useQueryClient()
  const roll = useMutation({
    mutationFn: (id: string) => ok(api.POST('/v1/organizations/{org}/keys/{key}/rotate', { params: { path: { org, key: id } }, body: { overlap } })),
    onSuccess: async (created) => {
      onRolled(created)
      await Promise.all([queries.invalidateQueries({ queryKey: [org, 'keys'] }), queries.invalidateQueries({ queryKey: [org, 'tokens'] })])
    },
  })
  const close = () => {
    roll.reset()
    onClose()
  }
  return (
    <Dialog
      open={key !== undefined}
      onClose={close}
      title={`Roll ${key?.comment || 'the key'}`}
      description="The key gets a new text and keeps its id, scopes and history."
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button tone={overlap === 0 ? 'danger' : 'primary'} icon={RotateCw} busy={roll.isPending} onClick={() => key && roll.mutate(key.id)}>
            Roll the key
          </Button>
        </>
      }
    >
      {key && (
        <div className="flex flex-col gap-4">
          <Overlaps value={overlap} onChange={setOverlap} />
          <Dying of={key} overlap={overlap} />
          {roll.error && <ErrorPanel error={roll.error} />}
        </div>
      )}
    </Dialog>
  )
}

function Overlaps({ value, onChange }: { value: number; onChange: (seconds: number) => void }) {
  const name = useId()
  return (
    <fieldset className="grid gap-2 sm:grid-cols-2">
      <legend className="mb-1.5 font-medium">The old text and its passes end</legend>
      {overlaps.map(({ seconds, label, hint }) => (
        <label
          key={seconds}
          className={cx('flex cursor-pointer items-start gap-2.5 rounded-lg border p-3 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent', value === seconds ? 'border-accent bg-accent-soft' : 'border-line-strong/60 hover:bg-hover')}
        >
          <input type="radio" name={name} checked={value === seconds} onChange={() => onChange(seconds)} className="mt-0.5 size-4 shrink-0 accent-accent outline-none" />
          <span>
            <span className="block font-medium">{seconds === 0 ? label : `In ${label}`}</span>
            <span className="block text-xs text-muted">{hint}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}

/** How many passes the choice ends before their time. */
function Dying({ of: key, overlap }: { of: Schemas['Key']; overlap: number }) {
  const live = useLivePasses(key.id)
  if (live.isPending) return <Skeleton className="h-15 w-full rounded-lg" />
  if (live.error) return <p className="text-muted">How many passes live cannot be read: {live.error.message}</p>
  const { rows, more } = live.data
  const end = Date.now() + overlap * 1000
  const cut = rows.filter((pass) => Date.parse(pass.expires) > end || (overlap > 0 && pass.renewable)).length
  const least = more ? 'at least ' : ''
  const older = key.overlap_until && Date.parse(key.overlap_until) > Date.now()
  return (
    <div aria-live="polite" className={cx('min-h-15 rounded-lg p-3', cut > 0 && overlap === 0 ? 'bg-bad-soft text-bad' : 'bg-sunken')}>
      {rows.length === 0 ? (
        <p>No pass of it lives: none dies.</p>
      ) : overlap === 0 ? (
        <p>
          <strong>
            {least}
            {count(rows.length, 'live pass', 'live passes')}
          </strong>{' '}
          {rows.length === 1 && !more ? 'dies' : 'die'} on the next request, and so does the old text.
        </p>
      ) : cut === 0 && !more ? (
        <p>
          <strong>No pass is cut off:</strong> {rows.length === 1 ? 'the live one ends' : `the ${count(rows.length, 'live one')} end`} by {rows.length === 1 ? 'itself' : 'themselves'} before the overlap does.
        </p>
      ) : (
        <p>
          <strong>
            {cut === 0 ? 'None' : `${least}${cut.toLocaleString('en')}`} of {least}
            {count(rows.length, 'live pass', 'live passes')}
          </strong>{' '}
          can outlast the overlap, and {cut === 1 ? 'is' : 'are'} cut off when it ends. The others end by themselves before.
        </p>
      )}
      {older && <p className="mt-1">The text before this one, which still works from an earlier roll, ends now.</p>}
    </div>
  )
}
