import { KeyRound, Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, Card, Checkbox, CodeBlock, ConfirmDialog, CopyButton, Dialog, EmptyState, ErrorPanel, Field, IconButton, Input, Menu, PageHeader, RelativeTime, SearchBox, Select, Sheet, Skeleton, Switch, Table, Tabs, Textarea, toast, Tooltip } from '~/parts'
import { Problem } from '~/session/problem'
import { useCommands } from '~/shell/commands'
import { setTheme } from '~/theme'

const rows = Array.from({ length: 10_000 }, (_, index) => ({ id: `key_${String(index).padStart(5, '0')}`, comment: `Key number ${index}`, uses: (index * 7919) % 1000 }))
const denied = new Problem(403, {
  title: 'Scope missing',
  code: 'scope_missing',
  detail: 'the pass lacks scope "daypass:keys:write"',
  request_id: 'req_1175d26da897_4',
  errors: [{ pointer: '/scopes/0', message: 'lies outside what you hold' }],
})

/** Every part there is, to look at. Only while developing. */
export default function Parts() {
  const [open, setOpen] = useState('')
  const [text, setText] = useState('')
  const [on, setOn] = useState(true)
  const close = () => setOpen('')
  useCommands([
    { id: 'parts.dark', title: 'Dark theme', run: () => setTheme('dark') },
    { id: 'parts.light', title: 'Light theme', run: () => setTheme('light') },
  ])
  return (
    <main className="mx-auto flex max-w-5xl flex-col gap-6 p-6">
      <PageHeader title="Parts" description="What pages are made of." actions={<Button tone="primary" icon={Plus}>Create</Button>} />
      <Card title="Button, IconButton, Menu, Tooltip, Badge">
        <div className="flex flex-wrap items-center gap-3">
          <Button>Plain</Button>
          <Button tone="primary">Primary</Button>
          <Button tone="danger" icon={Trash2}>Danger</Button>
          <Button tone="ghost">Ghost</Button>
          <Button size="small">Small</Button>
          <Button busy>Busy</Button>
          <Button disabled>Disabled</Button>
          <IconButton label="Edit" icon={Pencil} />
          <Menu trigger={<Button>Menu</Button>} items={[{ label: 'Edit', icon: Pencil, onSelect: () => toast.done('Edited') }, 'line', { label: 'Delete', icon: Trash2, danger: true, onSelect: () => toast.fail(denied) }]} />
          <Tooltip text="A few words"><Button>Tooltip</Button></Tooltip>
          <Badge>plain</Badge>
          <Badge tone="good">live</Badge>
          <Badge tone="warn">ends soon</Badge>
          <Badge tone="bad">revoked</Badge>
          <Badge tone="info">renewable</Badge>
        </div>
      </Card>
      <Card title="Field, Input, Select, Textarea, Checkbox, Switch, SearchBox">
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Comment" hint="What it is for."><Input placeholder="photo upload" /></Field>
          <Field label="Scope" error="lies outside what you hold"><Input mono defaultValue="photos:write" /></Field>
          <Field label="Overlap"><Select><option>none</option><option>1 hour</option></Select></Field>
          <Field label="Networks"><Textarea mono defaultValue="192.0.2.0/24" /></Field>
          <Checkbox label="Require a signature" hint="The text alone is not enough." checked={on} onChange={setOn} />
          <Switch label="Active" checked={on} onChange={setOn} />
          <SearchBox label="Search keys" value={text} onChange={setText} />
        </div>
      </Card>
      <Card title="Dialog, Sheet, ConfirmDialog, Toast">
        <div className="flex flex-wrap gap-3">
          <Button onClick={() => setOpen('dialog')}>Dialog</Button>
          <Button onClick={() => setOpen('locked')}>Locked dialog</Button>
          <Button onClick={() => setOpen('sheet')}>Sheet</Button>
          <Button onClick={() => setOpen('confirm')}>Confirm</Button>
          <Button onClick={() => toast.done('Saved', 'It holds from the next request on.')}>Toast</Button>
          <Button onClick={() => toast.fail(denied)}>Failure</Button>
        </div>
        <Dialog open={open === 'dialog'} onClose={close} title="A dialog" description="With a sentence." footer={<Button tone="primary" onClick={close}>Done</Button>}>Content</Dialog>
        <Dialog locked open={open === 'locked'} onClose={close} title="Keep this key" footer={<Button tone="primary" onClick={close}>I kept it</Button>}>
          <CodeBlock wrap label="Key">{'dp_test_' + 'x'.repeat(49)}</CodeBlock>
        </Dialog>
        <Sheet open={open === 'sheet'} onClose={close} title="A sheet">Content</Sheet>
        <ConfirmDialog open={open === 'confirm'} onClose={close} title="Delete the application?" word="photos" action="Delete" onConfirm={() => Promise.reject(denied)}>
          <p>Every request to it is denied from then on.</p>
        </ConfirmDialog>
      </Card>
      <Card title="Table">
        <Table label="Keys" rows={rows} rowKey={(row) => row.id} onOpen={(row) => toast.done(row.id)} columns={[
          { id: 'id', header: 'Id', width: '10rem', cell: (row) => <code className="font-mono text-xs">{row.id}</code> },
          { id: 'comment', header: 'Comment', cell: (row) => row.comment },
          { id: 'used', header: 'Used', width: '9rem', wide: true, cell: (row) => <RelativeTime time={1_790_000_000 + row.uses * 7000} /> },
          { id: 'uses', header: 'Requests', width: '7rem', align: 'right', cell: (row) => row.uses },
        ]} />
      </Card>
      <Card title="Table while it loads"><Table label="Keys" rows={[]} rowKey={String} loading columns={[{ id: 'a', header: 'Id', cell: String }, { id: 'b', header: 'Comment', cell: String }]} /></Card>
      <Card title="Tabs, CodeBlock, CopyButton">
        <Tabs label="Views" tabs={[{ id: 'one', label: 'One', content: <CodeBlock label="curl">{'curl -H "Authorization: Bearer $PASS" https://photos.example.com/albums'}</CodeBlock> }, { id: 'two', label: 'Two', content: <CopyButton text="two">Copy two</CopyButton> }]} />
      </Card>
      <ErrorPanel error={denied} retry={() => undefined} />
      <EmptyState icon={KeyRound} title="No keys yet" action={<Button tone="primary">Create a key</Button>} snippets={{ curl: 'curl …', js: 'await …', go: 'client.…' }}>A key is what passes are made from.</EmptyState>
      <Skeleton className="h-10 w-64" />
    </main>
  )
}
