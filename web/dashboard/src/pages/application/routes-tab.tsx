import { Route } from 'lucide-react'
import { useMemo } from 'react'
import { Badge, type Column, EmptyState, SearchBox, Table } from '~/parts'
import { useQueryParam } from '~/shell/query'
import { limitText, type Rule } from './file'

const access = { public: ['Public', 'warn'], authenticated: ['Any good pass', 'info'], required: ['Required', 'good'], graphql: ['By GraphQL field', 'info'], unclear: ['Unclear', 'bad'] } as const

export function RoutesTab({ rules, changed, onOpen }: { rules: Rule[]; changed: boolean; onOpen: (rule: Rule) => void }) {
  const [filter, setFilter] = useQueryParam('q')
  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
    return rules.filter((rule) => {
      const text = [rule.match, access[rule.access][0], rule.access, ...rule.scopes, ...rule.roles, ...rule.demands, ...rule.limits.map(limitText), rule.comment, rule.shadow ? 'shadow' : ''].join(' ').toLowerCase()
      return words.every((word) => text.includes(word))
    })
  }, [rules, filter])
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <SearchBox label="Filter by method, path, scope, role" value={filter} onChange={setFilter} className="w-full sm:w-88" />
        <p className="text-muted" role="status">
          {rows.length === rules.length ? `${rules.length} rules` : `${rows.length} of ${rules.length} rules`}, the first that matches decides{changed ? '. As they are in the editor, not saved yet' : ''}
        </p>
      </div>
      <Table
        label="Rules"
        rows={rows}
        rowKey={(rule) => String(rule.index)}
        onOpen={onOpen}
        columns={columns}
        empty={<EmptyState icon={Route} title={filter ? 'No rule fits the filter' : 'No rules'}>{filter ? '' : 'What no rule matches is denied. Add resources in the file.'}</EmptyState>}
      />
    </div>
  )
}

const none = <span className="text-muted">none</span>
const columns: Column<Rule>[] = [
  { id: 'index', header: '#', width: '3.5rem', align: 'right', wide: true, cell: (rule) => <span className="text-muted tabular-nums">{rule.index + 1}</span> },
  { id: 'methods', header: 'Method', width: '5.75rem', cell: (rule) => <code title={rule.methods} className="font-mono text-xs font-semibold">{rule.methods}</code> },
  { id: 'path', header: 'Path', cell: (rule) => <code title={rule.comment ? `${rule.path} — ${rule.comment}` : rule.path} className="font-mono text-xs">{rule.path}</code> },
  {
    id: 'access',
    header: 'Access',
    width: '8.75rem',
    cell: (rule) => (
      <span className="flex gap-1">
        <Badge tone={access[rule.access][1]}>{access[rule.access][0]}</Badge>
        {rule.shadow && <Badge tone="info">shadow</Badge>}
      </span>
    ),
  },
  { id: 'scopes', header: 'Scopes', wide: true, cell: (rule) => (rule.scopes.length ? <code title={rule.scopes.join(' ')} className="font-mono text-xs">{rule.scopes.join(' ')}</code> : none) },
  {
    id: 'roles',
    header: 'Roles',
    width: '13rem',
    wide: true,
    cell: (rule) => {
      const text = [rule.roles.join(' or '), ...rule.demands.map((demand) => (demand === 'signature' ? 'signed' : 'sender key'))].filter(Boolean).join(', ')
      return text ? <span title={text}>{text}</span> : none
    },
  },
  { id: 'limits', header: 'Limits', width: '13rem', wide: true, cell: (rule) => (rule.limits.length ? <span title={rule.limits.map(limitText).join('; ')}>{rule.limits.map(limitText).join('; ')}</span> : none) },
]
