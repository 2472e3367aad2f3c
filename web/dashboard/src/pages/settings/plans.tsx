import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Gauge, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button, ConfirmDialog, EmptyState, ErrorPanel, Field, IconButton, Input, Select, Sheet, Table, toast } from '~/parts'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { usePages } from '~/session/pages'
import { useCommands } from '~/shell/commands'

type Plan = Schemas['Plan']
type Limit = Schemas['LimitRule']
type Per = NonNullable<Limit['per']>

const parties: Per[] = ['key', 'member', 'subject', 'organization', 'address', 'application']

/** Named lists of limits, which keys and members hold. */
export function Plans() {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [editing, setEditing] = useState<Plan | 'new'>()
  const [removing, setRemoving] = useState<Plan>()
  const plans = usePages([org, 'plans', 'pages'], (cursor, signal) => ok(api.GET('/v1/organizations/{org}/plans', { params: { path: { org }, query: { ...cursor, limit: 100 } }, signal })))
  useCommands([{ id: 'plans.create', title: 'Create a plan', keywords: 'limits quota rate', run: () => setEditing('new') }])
  const create = (
    <Button tone="primary" icon={Plus} onClick={() => setEditing('new')}>
      Create a plan
    </Button>
  )
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-prose text-muted">A plan bounds how much a key or a member may use, beside the limits of the resource files.</p>
        {plans.rows.length > 0 && create}
      </div>
      <Table
        label="Plans"
        {...plans}
        rowKey={(plan) => plan.id}
        onOpen={setEditing}
        empty={
          <EmptyState icon={Gauge} title="No plans yet" action={create}>
            A hundred requests a minute, ten thousand a day: give it a name, and to keys and members.
          </EmptyState>
        }
        columns={[
          { id: 'name', header: 'Plan', width: '35%', cell: (plan) => <button type="button" onClick={() => setEditing(plan)} className="max-w-full truncate font-medium hover:underline">{plan.name || plan.slug}</button> },
          { id: 'slug', header: 'Short name', wide: true, cell: (plan) => <code className="font-mono text-xs">{plan.slug}</code> },
          { id: 'limits', header: 'Limits', width: '40%', cell: (plan) => <span title={plan.limits.map(inWords).join('; ')}>{plan.limits.map(inWords).join('; ')}</span> },
          { id: 'actions', header: 'Actions', width: '5rem', align: 'right', cell: (plan) => <IconButton size="small" label={`Delete ${plan.slug}`} icon={Trash2} onClick={() => setRemoving(plan)} /> },
        ]}
      />
      <Sheet open={editing !== undefined} onClose={() => setEditing(undefined)} title={editing && editing !== 'new' ? `Plan ${editing.slug}` : 'Create a plan'}>
        {editing && <PlanForm plan={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
      </Sheet>
      <ConfirmDialog
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Delete the plan ${removing?.slug ?? ''}?`}
        action="Delete"
        onConfirm={async () => {
          await ok(api.DELETE('/v1/organizations/{org}/plans/{plan}', { params: { path: { org, plan: removing!.slug } } }))
          await queries.invalidateQueries({ queryKey: [org, 'plans'] })
          toast.done('Plan deleted')
        }}
      >
        <p>It stays while a key or a member holds it: take it from them first.</p>
      </ConfirmDialog>
    </div>
  )
}

function inWords(limit: Limit): string {
  const parts = [limit.rate && `${limit.rate}${limit.burst ? ` (${limit.burst} at once)` : ''}`, limit.quota && `quota ${limit.quota}`, limit.bytes, limit.body && `bodies to ${limit.body}`].filter(Boolean)
  return `${parts.join(', ')}${limit.per ? ` per ${limit.per}` : ''}`
}

function PlanForm({ plan, onClose }: { plan: Plan | undefined; onClose: () => void }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [slug, setSlug] = useState(plan?.slug ?? '')
  const [name, setName] = useState(plan?.name ?? '')
  const [limits, setLimits] = useState<Limit[]>(plan?.limits ?? [{ rate: '100/m' }])
  const set = (index: number, next: { [K in keyof Limit]?: Limit[K] | undefined }) =>
    setLimits(limits.map((old, at) => (at === index ? (Object.fromEntries(Object.entries({ ...old, ...next }).filter(([, value]) => value)) as Limit) : old)))
  const save = useMutation({
    mutationFn: () => {
      const header = plan ? { header: { 'If-Match': `"${plan.revision}"` } } : {}
      return ok(api.PUT('/v1/organizations/{org}/plans/{plan}', { params: { path: { org, plan: slug }, ...header }, body: { name, limits } }))
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: [org, 'plans'] })
      toast.done(plan ? 'Plan saved' : 'Plan created', 'It holds from the next request on.')
      onClose()
    },
  })
  const problem = save.error ? Problem.of(save.error) : undefined
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        if (!save.isPending) save.mutate()
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Short name" required hint="For good: small letters, digits and hyphens.">
          <Input mono disabled={plan !== undefined} value={slug} onChange={(event) => setSlug(event.target.value.trim())} pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?" placeholder="gold" />
        </Field>
        <Field label="Name">
          <Input value={name} onChange={(event) => setName(event.target.value)} maxLength={200} placeholder="Gold" />
        </Field>
      </div>
      {limits.map((limit, index) => (
        <fieldset key={index} className="rounded-lg border border-line p-3 pt-1">
          <legend className="px-1 font-medium">Limit {index + 1}</legend>
          <div className="grid grid-cols-2 gap-3 sm:grid-cols-3">
            <Field label="Rate" hint="100/m" error={problem?.field(`/limits/${index}/rate`)}>
              <Input mono value={limit.rate ?? ''} onChange={(event) => set(index, { rate: event.target.value })} />
            </Field>
            <Field label="At once" hint="all of the rate" error={problem?.field(`/limits/${index}/burst`)}>
              <Input mono type="number" min={1} value={limit.burst ?? ''} onChange={(event) => set(index, { burst: event.target.valueAsNumber || undefined })} />
            </Field>
            <Field label="Quota" hint="10000/d" error={problem?.field(`/limits/${index}/quota`)}>
              <Input mono value={limit.quota ?? ''} onChange={(event) => set(index, { quota: event.target.value })} />
            </Field>
            <Field label="Bytes" hint="1GiB/d" error={problem?.field(`/limits/${index}/bytes`)}>
              <Input mono value={limit.bytes ?? ''} onChange={(event) => set(index, { bytes: event.target.value })} />
            </Field>
            <Field label="Longest body" hint="10MiB" error={problem?.field(`/limits/${index}/body`)}>
              <Input mono value={limit.body ?? ''} onChange={(event) => set(index, { body: event.target.value })} />
            </Field>
            <Field label="Shared by" error={problem?.field(`/limits/${index}/per`)}>
              <Select value={limit.per ?? ''} onChange={(event) => set(index, { per: (event.target.value || undefined) as Per | undefined })}>
                <option value="">its holder</option>
                {parties.map((party) => (
                  <option key={party}>{party}</option>
                ))}
              </Select>
            </Field>
          </div>
          {limits.length > 1 && (
            <Button size="small" tone="ghost" icon={Trash2} className="mt-2" onClick={() => setLimits(limits.filter((_, at) => at !== index))}>
              Delete this limit
            </Button>
          )}
        </fieldset>
      ))}
      <div>
        <Button size="small" icon={Plus} disabled={limits.length >= 8} onClick={() => setLimits([...limits, { quota: '10000/d' }])}>
          Add a limit
        </Button>
      </div>
      {save.error && <ErrorPanel error={save.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" tone="primary" busy={save.isPending}>
          {plan ? 'Save' : 'Create'}
        </Button>
      </div>
    </form>
  )
}
