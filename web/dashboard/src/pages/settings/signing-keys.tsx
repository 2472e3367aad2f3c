import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { RotateCw } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, Checkbox, ConfirmDialog, CopyButton, Field, Input, RelativeTime, Select, Table, toast } from '~/parts'
import { ok, type Schemas, useSession } from '~/session'
import { useCommands } from '~/shell/commands'
import { seconds } from './time'

type Key = Schemas['KeysetKey']
const tones = { current: 'good', next: 'info', previous: 'plain' } as const

/** The keys that sign passes, and those that encrypt them, of the whole server. */
export function SigningKeys() {
  const { api } = useSession()
  const queries = useQueryClient()
  const keys = useQuery({ queryKey: ['keyset'], queryFn: ({ signal }) => ok(api.GET('/v1/keyset', { signal })) })
  const [rotating, setRotating] = useState(false)
  const [retiring, setRetiring] = useState<Key>()
  const [use, setUse] = useState('sig')
  const [algorithm, setAlgorithm] = useState('')
  const [lead, setLead] = useState('6m')
  const [leaked, setLeaked] = useState(false)
  const again = () => queries.invalidateQueries({ queryKey: ['keyset'] })
  const rotate = useMutation({
    mutationFn: () => {
      const after = seconds(lead)
      return ok(api.POST('/v1/keyset/rotate', { body: { use, ...(use === 'sig' && algorithm && { algorithm }), ...(after && { lead: after }) } }))
    },
    onSettled: again,
  })
  useCommands([{ id: 'keyset.rotate', title: 'Rotate the signing key', keywords: 'jwks kid keyset', run: () => setRotating(true) }])
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-prose text-muted">They sign the passes of every organization. A new key is published first and used later, so that everyone who checks passes has heard of it.</p>
        <Button tone="primary" icon={RotateCw} onClick={() => setRotating(true)}>
          Rotate
        </Button>
      </div>
      <Table
        label="Signing keys"
        rows={keys.data?.items ?? []}
        loading={keys.isPending}
        error={keys.error}
        retry={() => void keys.refetch()}
        rowKey={(key) => key.id}
        columns={[
          {
            id: 'id',
            header: 'Key id (kid)',
            cell: (key) => (
              <span className="flex items-center gap-1">
                <code className="truncate font-mono text-xs">{key.id}</code>
                <CopyButton text={key.id} label={`Copy ${key.id}`} />
              </span>
            ),
          },
          { id: 'use', header: 'Use', width: '7.5rem', wide: true, cell: (key) => (key.use === 'sig' ? 'signs' : 'encrypts') },
          { id: 'algorithm', header: 'Algorithm', width: '8rem', wide: true, cell: (key) => <code className="font-mono text-xs">{key.algorithm}</code> },
          { id: 'state', header: 'State', width: '6.5rem', cell: (key) => <Badge tone={tones[key.state]}>{key.state}</Badge> },
          { id: 'begins', header: 'Begins', width: '9rem', wide: true, cell: (key) => <RelativeTime time={key.begins} /> },
          { id: 'ends', header: 'Ends', width: '9rem', wide: true, cell: (key) => <RelativeTime time={key.ends} none="not yet" /> },
          {
            id: 'retire',
            header: 'Actions',
            width: '6.5rem',
            align: 'right',
            cell: (key) => (
              <Button size="small" aria-label={`Retire ${key.id}`} onClick={() => (setLeaked(false), setRetiring(key))}>
                Retire
              </Button>
            ),
          },
        ]}
      />
      <ConfirmDialog
        tone="primary"
        open={rotating}
        onClose={() => setRotating(false)}
        title="Make the next key"
        action="Rotate"
        onConfirm={async () => {
          const key = await rotate.mutateAsync()
          toast.done('The next key is published', `It is used from ${new Date(key.begins).toLocaleTimeString('en-GB')} on.`)
        }}
      >
        <p>The key before it ends by itself, once the last pass that it may have made has ended. Nobody is logged out.</p>
        <div className="grid gap-4 sm:grid-cols-3">
          <Field label="For">
            <Select value={use} onChange={(event) => setUse(event.target.value)}>
              <option value="sig">signing</option>
              <option value="enc">encrypting</option>
            </Select>
          </Field>
          <Field label="Algorithm">
            <Select value={algorithm} disabled={use !== 'sig'} onChange={(event) => setAlgorithm(event.target.value)}>
              <option value="">as now</option>
              {['ES256', 'EdDSA', 'RS256', 'PS256'].map((name) => (
                <option key={name}>{name}</option>
              ))}
            </Select>
          </Field>
          <Field label="Used after" hint="At least 6m." error={seconds(lead) === undefined ? 'as in 6m or 1h' : undefined}>
            <Input mono value={lead} onChange={(event) => setLead(event.target.value)} />
          </Field>
        </div>
      </ConfirmDialog>
      <ConfirmDialog
        open={retiring !== undefined}
        onClose={() => setRetiring(undefined)}
        title="Retire this key?"
        action="Retire"
        {...(leaked && { word: 'leaked' })}
        onConfirm={async () => {
          await ok(api.POST('/v1/keyset/{id}/retire', { params: { path: { id: retiring!.id } }, body: { now: leaked } }))
          await again()
          toast.done(leaked ? 'The key has ended' : 'The key ends by itself')
        }}
      >
        <p>
          <code className="font-mono text-xs break-all">{retiring?.id}</code> is used no more; what it made is good until it ends{retiring?.state === 'current' ? ', and the next key takes over' : ''}.
        </p>
        <Checkbox label="It leaked: refuse whatever it made, at once" hint={leaked ? 'Every pass of it is refused, in every organization: everybody logs in again, you too.' : undefined} checked={leaked} onChange={setLeaked} />
      </ConfirmDialog>
    </div>
  )
}
