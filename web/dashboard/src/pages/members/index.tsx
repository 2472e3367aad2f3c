import { Plus, UserPlus } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { Badge, Button, Menu, PageHeader, RelativeTime, SearchBox, Table, Tabs } from '~/parts'
import { useCommands } from '~/shell/commands'
import { useQueryParam } from '~/shell/query'
import { AddMember, type Way } from './add'
import { finds, type Member, nameOf, useMembers } from './data'
import { MemberSheet } from './detail'
import { RoleList } from './role-list'

export default function Members() {
  const members = useMembers()
  const [tab, setTab] = useQueryParam('tab', 'members')
  const [opened, setOpened] = useQueryParam('user')
  const [role, setRole] = useQueryParam('role')
  const [way, setWay] = useState<Way>()
  useCommands([
    { id: 'members.invite', title: 'Invite a member', keywords: 'add user e-mail', run: () => setWay('invite') },
    { id: 'members.fresh', title: 'Create a user with a key', keywords: 'add member new service', run: () => setWay('fresh') },
    { id: 'members.role', title: 'Create a role', keywords: 'custom scopes new', run: () => (setTab('roles'), setRole('new')) },
  ])
  return (
    <>
      <PageHeader
        title="Members"
        description="Who is in the organization, and as what."
        actions={
          tab === 'roles' ? (
            <Button tone="primary" icon={Plus} onClick={() => setRole('new')}>
              Create a role
            </Button>
          ) : (
            <Menu
              trigger={
                <Button tone="primary" icon={UserPlus}>
                  Add a member
                </Button>
              }
              items={[
                { label: 'Invite by e-mail', onSelect: () => setWay('invite') },
                { label: 'New user with key', onSelect: () => setWay('fresh') },
                { label: 'From another organization', onSelect: () => setWay('foreign') },
              ]}
            />
          )
        }
      />
      <Tabs
        label="Members and roles"
        value={tab}
        onChange={setTab}
        tabs={[
          { id: 'members', label: 'Members', content: <List members={members} onOpen={(member) => setOpened(member.user)} /> },
          { id: 'roles', label: 'Roles', content: <RoleList members={members.rows} editing={role} onEdit={setRole} /> },
        ]}
      />
      <AddMember way={way} onWay={setWay} onClose={() => setWay(undefined)} />
      <MemberSheet member={members.loading ? undefined : members.rows.find((member) => member.user === opened)} all={members.rows} onClose={() => setOpened('')} />
    </>
  )
}

function List({ members, onOpen }: { members: ReturnType<typeof useMembers>; onOpen: (member: Member) => void }) {
  const [typed, setTyped] = useQueryParam('q')
  const wanted = useDeferredValue(typed)
  const rows = wanted ? members.rows.filter((member) => finds(member, wanted)) : members.rows
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <SearchBox label="Search members" value={typed} onChange={setTyped} />
        <p role="status" className="text-xs text-muted">
          {members.loading ? '' : `${rows.length}${wanted ? ` of ${members.rows.length}` : ''} ${rows.length === 1 && !wanted ? 'member' : 'members'}${members.complete ? '' : ', loading more…'}`}
        </p>
      </div>
      <Table
        label="Members"
        rows={rows}
        loading={members.loading}
        error={members.error}
        retry={members.retry}
        rowKey={(member) => member.user}
        onOpen={onOpen}
        empty={<p className="rounded-lg border border-line p-6 text-center text-muted">Nobody here is found by “{wanted}”.</p>}
        columns={[
          {
            id: 'name',
            header: 'Member',
            cell: (member) => (
              <span className="flex min-w-0 flex-col leading-4">
                <button type="button" onClick={() => onOpen(member)} className="truncate text-left font-medium hover:underline">
                  {nameOf(member)}
                </button>
                <span className="truncate text-xs text-muted">{member.who?.email || member.user}</span>
              </span>
            ),
          },
          { id: 'roles', header: 'Roles', width: '32%', cell: (member) => <Roles roles={member.roles} /> },
          { id: 'comment', header: 'Comment', wide: true, cell: (member) => <span title={member.comment}>{member.comment}</span> },
          {
            id: 'last',
            header: 'Last access',
            width: '11rem',
            wide: true,
            cell: (member) => (
              <span className="flex flex-col leading-4">
                <RelativeTime time={member.last_access?.time} />
                {member.last_access && <code className="truncate font-mono text-xs text-muted">{member.last_access.address}</code>}
              </span>
            ),
          },
          { id: 'active', header: 'State', width: '5.5rem', cell: (member) => <State member={member} /> },
        ]}
      />
    </div>
  )
}

function State({ member }: { member: Member }) {
  if (!member.active) return <Badge tone="bad">inactive</Badge>
  if (member.who && !member.who.foreign && !member.who.active) return <Badge tone="bad">disabled</Badge>
  return <Badge tone="good">active</Badge>
}

function Roles({ roles }: { roles: string[] }) {
  const shown = roles.slice(0, roles.slice(0, 2).join('').length > 30 ? 1 : 2)
  return (
    <span className="flex items-center gap-1 overflow-hidden" title={roles.join(', ')}>
      {shown.map((role) => (
        <Badge key={role} tone={role === 'administrator' ? 'warn' : 'plain'}>
          {role}
        </Badge>
      ))}
      {roles.length > shown.length && <span className="text-xs text-muted">+{roles.length - shown.length}</span>}
    </span>
  )
}
