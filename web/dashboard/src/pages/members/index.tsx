import { Plus, UserPlus } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { Badge, Button, Menu, PageHeader, RelativeTime, SearchBox, Table, Tabs } from '~/parts'
import { useCommands } from '~/shell/commands'
import { useQueryParam } from '~/shell/query'
import { AddMember, type Way } from './add'
import { type Member, nameOf, useMembers } from './data'
import { MemberSheet } from './detail'
import { RoleList } from './role-list'

export default function Members() {
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
          { id: 'members', label: 'Members', content: <List opened={opened} onOpened={setOpened} /> },
          { id: 'roles', label: 'Roles', content: <RoleList editing={role} onEdit={setRole} /> },
        ]}
      />
      <AddMember way={way} onWay={setWay} onClose={() => setWay(undefined)} />
    </>
  )
}

function List({ opened, onOpened }: { opened: string; onOpened: (user: string) => void }) {
  const [typed, setTyped] = useQueryParam('q')
  const wanted = useDeferredValue(typed.trim())
  const members = useMembers(wanted)
  const onOpen = (member: Member) => onOpened(member.user)
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <SearchBox label="Search members" value={typed} onChange={setTyped} />
        <p role="status" className="text-xs text-muted">
          {members.rows.length > 0 && `${members.rows.length.toLocaleString('en')} ${members.more ? 'loaded; more come as you scroll' : members.rows.length === 1 ? 'member' : 'members'}`}
        </p>
      </div>
      <Table
        label="Members"
        {...members}
        rowKey={(member) => member.user}
        onOpen={onOpen}
        empty={<p className="rounded-lg border border-line p-6 text-center text-muted">Nobody here is found by “{wanted}”.</p>}
        columns={[
          {
            id: 'name',
            header: 'Member',
            cell: (member) => (
              <span className="flex min-w-0 flex-col leading-4">
                <span className="flex items-center gap-1.5">
                  <button type="button" onClick={() => onOpen(member)} className="truncate text-left font-medium hover:underline">
                    {nameOf(member)}
                  </button>
                  {!lives(member) && (
                    <span className="md:hidden">
                      <State member={member} />
                    </span>
                  )}
                </span>
                <span className="truncate text-xs text-muted">{member.who?.email || member.user}</span>
              </span>
            ),
          },
          { id: 'roles', header: 'Roles', cell: (member) => <Roles roles={member.roles} /> },
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
          { id: 'active', header: 'State', width: '5.5rem', wide: true, cell: (member) => <State member={member} /> },
        ]}
      />
      <MemberSheet user={opened} listed={members.rows.find((member) => member.user === opened)} onClose={() => onOpened('')} />
    </div>
  )
}

const disabled = (member: Member) => member.who && !member.who.foreign && !member.who.active
const lives = (member: Member) => member.active && !disabled(member)

function State({ member }: { member: Member }) {
  if (lives(member)) return <Badge tone="good">active</Badge>
  return <Badge tone="bad">{member.active ? 'disabled' : 'inactive'}</Badge>
}

function Roles({ roles }: { roles: string[] }) {
  const shown = roles.slice(0, roles.slice(0, 2).join('').length > 30 ? 1 : 2) // a phone has room for one
  return (
    <span className="flex items-center gap-1 overflow-hidden" title={roles.join(', ')}>
      {shown.map((role, i) => (
        <span key={role} className={i === 0 ? 'contents' : 'hidden md:contents'}>
          <Badge tone={role === 'administrator' ? 'warn' : 'plain'}>{role}</Badge>
        </span>
      ))}
      {roles.length > 1 && <span className="text-xs text-muted md:hidden">+{roles.length - 1}</span>}
      {roles.length > shown.length && <span className="hidden text-xs text-muted md:inline">+{roles.length - shown.length}</span>}
    </span>
  )
}
