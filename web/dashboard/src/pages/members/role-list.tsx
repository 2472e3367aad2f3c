import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, ConfirmDialog, ErrorPanel, Field, IconButton, Input, Sheet, Table, Textarea, toast } from '~/parts'
import { ok, Problem, type Schemas, useSession } from '~/session'
import { useHolders, useRoles } from './data'
import { means, splitScopes } from './roles'

type Role = Schemas['Role']

/** The built-in roles and the organization's own. `editing` is the one being written: its name, or `new`. */
export function RoleList({ editing, onEdit }: { editing: string; onEdit: (role: string) => void }) {
  const roles = useRoles()
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [removing, setRemoving] = useState<Role>()
  const opened = roles.rows.find((role) => role.name === editing && !role.builtin)
  return (
    <>
      <Table
        label="Roles"
        {...roles}
        rowKey={(role) => role.name}
        onOpen={(role) => !role.builtin && onEdit(role.name)}
        columns={[
          { id: 'name', header: 'Role', cell: (role) => <code className="font-mono text-xs">{role.name}</code> },
          { id: 'kind', header: 'Kind', width: '6.5rem', wide: true, cell: (role) => <Badge tone={role.builtin ? 'plain' : 'info'}>{role.builtin ? 'built in' : 'custom'}</Badge> },
          { id: 'gives', header: 'Gives', wide: true, width: '55%', cell: (role) => <span title={role.scopes.join(' ')}>{role.builtin ? means[role.name] : <code className="font-mono text-xs">{role.scopes.join('  ')}</code>}</span> },
          { id: 'held', header: 'Held by', width: '5rem', align: 'right', cell: (role) => <Holders role={role.name} /> },
          {
            id: 'actions',
            header: 'Actions',
            width: '5rem',
            align: 'right',
            cell: (role) => !role.builtin && <IconButton size="small" label={`Delete ${role.name}`} icon={Trash2} onClick={() => setRemoving(role)} />,
          },
        ]}
      />
      <Sheet open={editing === 'new' || opened !== undefined} onClose={() => onEdit('')} title={opened ? `Role ${opened.name}` : 'A role of your own'} description="A named set of scopes. Who holds only such roles may use these scopes and no others.">
        {(editing === 'new' || opened) && <RoleForm key={editing} role={opened} taken={roles.rows.map((role) => role.name)} onClose={() => onEdit('')} />}
      </Sheet>
      <ConfirmDialog
        open={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={`Delete the role ${removing?.name ?? ''}?`}
        action="Delete"
        onConfirm={async () => {
          await ok(api.DELETE('/v1/organizations/{org}/roles/{role}', { params: { path: { org, role: removing!.name } } }))
          await queries.invalidateQueries({ queryKey: [org, 'roles'] })
          toast.done('Role deleted')
        }}
      >
        {removing && <Consequence role={removing.name} />}
      </ConfirmDialog>
    </>
  )
}

/** `3`, or `200+`. */
function held(holders: ReturnType<typeof useHolders>): string {
  return holders ? `${holders.items.length}${holders.next_cursor ? '+' : ''}` : ''
}

function Holders({ role }: { role: string }) {
  return <span className="tabular-nums">{held(useHolders(role))}</span>
}

function Consequence({ role }: { role: string }) {
  const holders = useHolders(role)
  return <p>{holders?.items.length ? `Held by ${held(holders)}: take it from them first, and from their keys.` : 'Nobody holds it. A key may; then it stays until the key lets go of it.'}</p>
}

function RoleForm({ role, taken, onClose }: { role: Role | undefined; taken: string[]; onClose: () => void }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [name, setName] = useState(role?.name ?? '')
  const [text, setText] = useState(role?.scopes.join('\n') ?? '')
  const [comment, setComment] = useState(role?.comment ?? '')
  const scopes = splitScopes(text)
  const gone = role?.scopes.filter((scope) => !scopes.includes(scope)) ?? []
  const exists = !role && taken.includes(name)
  const save = useMutation({
    mutationFn: () => {
      const header = role?.revision === undefined ? {} : { header: { 'If-Match': `"${role.revision}"` } }
      return ok(api.PUT('/v1/organizations/{org}/roles/{role}', { params: { path: { org, role: name }, ...header }, body: { scopes, comment } }))
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: [org, 'roles'] })
      toast.done(role ? 'Role saved' : 'Role created')
      onClose()
    },
  })
  const problem = save.error ? Problem.of(save.error) : undefined
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        if (!save.isPending && !exists) save.mutate()
      }}
    >
      {!role && (
        <Field label="Name" required hint="Small letters, digits, _ and -." error={exists ? 'this role is there already' : problem?.field('/role')}>
          <Input mono value={name} onChange={(event) => setName(event.target.value.trim())} maxLength={63} pattern="[a-z0-9]([a-z0-9_\-]*[a-z0-9])?" placeholder="viewer" />
        </Field>
      )}
      <Field label="Scopes" required hint="One on a line; photos:* is every scope that begins so." error={problem?.field('/scopes')}>
        <Textarea mono rows={6} value={text} onChange={(event) => setText(event.target.value)} placeholder={'photos:read\nalbums:*'} />
      </Field>
      <div aria-live="polite" className="flex flex-wrap items-center gap-1.5 rounded-lg bg-sunken p-3">
        {scopes.length === 0 ? <span className="text-muted">Gives nothing yet.</span> : 'Gives'}
        {scopes.map((scope) => (
          <Badge key={scope} tone="info">
            <code className="font-mono">{scope}</code>
          </Badge>
        ))}
      </div>
      {gone.length > 0 && (
        <p role="note" className="rounded-lg bg-warn-soft p-3 text-warn">
          Takes away {gone.join(', ')}: passes of its holders end, from the next request on.
        </p>
      )}
      <Field label="Comment">
        <Input value={comment} onChange={(event) => setComment(event.target.value)} maxLength={500} />
      </Field>
      {save.error && <ErrorPanel error={save.error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" tone="primary" busy={save.isPending}>
          {role ? 'Save' : 'Create'}
        </Button>
      </div>
    </form>
  )
}
