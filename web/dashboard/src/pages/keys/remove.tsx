import { useMutation, useQueryClient } from '@tanstack/react-query'
import { ConfirmDialog, RelativeTime, Skeleton, toast } from '~/parts'
import { ok, type Schemas, useSession } from '~/session'
import { useLivePasses, usePeople, useUsage } from './read'
import { count, totals } from './usage'

const days = 7

/** Deletes a key after it was told who would miss it. */
export function RemoveDialog({ of: key, onClose, onRemoved }: { of: Schemas['Key'] | undefined; onClose: () => void; onRemoved: () => void }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const remove = useMutation({
    mutationFn: (id: string) => ok(api.DELETE('/v1/organizations/{org}/keys/{key}', { params: { path: { org, key: id } } })),
    onSuccess: async (_, id) => {
      toast.done('Key deleted', 'Every pass made from it is refused from the next request on.')
      onRemoved()
      // The sheet of the key may still be there, on its way out: what it shows is gone on the server.
      const others = ({ queryKey }: { queryKey: readonly unknown[] }) => !JSON.stringify(queryKey).includes(id)
      await Promise.all(['keys', 'tokens'].map((noun) => queries.invalidateQueries({ queryKey: [org, noun], predicate: others })))
    },
  })
  const recent = key?.accessed !== undefined && Date.now() - Date.parse(key.accessed.time) < days * 86_400_000
  return (
    <ConfirmDialog
      open={key !== undefined}
      onClose={onClose}
      title={`Delete ${key?.comment || 'the key'}?`}
      action="Delete the key"
      {...(recent && { word: 'delete' })}
      onConfirm={() => (key ? remove.mutateAsync(key.id) : undefined)}
    >
      <p>It and every pass made from it end on the next request. This cannot be taken back.</p>
      {key && <Blast of={key} />}
    </ConfirmDialog>
  )
}

/** Who used the key in the last days, and what lives of it. */
function Blast({ of: key }: { of: Schemas['Key'] }) {
  const live = useLivePasses(key.id)
  const usage = useUsage(days, key.id)
  const people = usePeople()
  const lines = usage.data ?? []
  const sums = totals(lines)
  const subjects = new Map<string, number>()
  for (const line of lines) if (line.subject) subjects.set(line.subject, (subjects.get(line.subject) ?? 0) + line.count)
  const top = [...subjects].sort((a, b) => b[1] - a[1])
  const places = new Set((live.data?.rows ?? []).flatMap((pass) => pass.from?.address ?? []))
  if (live.isPending || usage.isPending) return <Skeleton className="h-32 w-full rounded-lg" />
  const used = sums.allowed + sums.refused + sums.passes
  return (
    <div className="min-h-32 rounded-lg bg-sunken p-3">
      <p className="mb-2 font-medium">What breaks</p>
      <ul className="flex list-disc flex-col gap-1 pl-4">
        <li>
          {live.error ? (
            'How many passes live cannot be read'
          ) : (
            <>
              <strong>
                {live.data.more && 'more than '}
                {count(live.data.rows.length, 'live pass', 'live passes')}
              </strong>
              {places.size > 0 && ` at ${count(places.size, 'address', 'addresses')}: ${[...places].slice(0, 4).join(', ')}${places.size > 4 ? ' …' : ''}`}
            </>
          )}
        </li>
        <li>
          {usage.error ? (
            'How much it was used cannot be read'
          ) : used === 0 ? (
            `not used in the last ${days} days`
          ) : (
            <>
              in {days} days <strong>{count(sums.allowed, 'request')}</strong> let through, {count(sums.passes, 'pass', 'passes')} made
            </>
          )}
        </li>
        {top.length > 0 && (
          <li>
            spoke for{' '}
            {top
              .slice(0, 5)
              .map(([subject, number]) => `${people.name(subject)} (${number.toLocaleString('en')})`)
              .join(', ')}
            {top.length > 5 && ` and ${count(top.length - 5, 'other')}`}
          </li>
        )}
        <li>
          {key.accessed ? (
            <>
              last used <RelativeTime time={key.accessed.time} />
              {key.accessed.address && <> from {key.accessed.address}</>}
              {key.accessed.user_agent && <> by {key.accessed.user_agent}</>}
            </>
          ) : (
            'never used'
          )}
        </li>
      </ul>
    </div>
  )
}
