import { Plus, Trash2 } from 'lucide-react'
import { Button, Field, IconButton, Input, Textarea } from '~/parts'
import type { Schemas } from '~/session'
import { claimsOf, claimsText } from './recipes'
import { words } from './time'

type Grant = Schemas['IssuerGrant']

/** A grant as it is typed. */
export type GrantRow = { when: string; scopes: string; roles: string }

export const rowOf = (grant: Grant): GrantRow => ({ when: claimsText(grant.when), scopes: (grant.scopes ?? []).join(' '), roles: (grant.roles ?? []).join(' ') })

/** What a row says; undefined where its claims are none. */
export function grantOf(row: GrantRow): Grant | undefined {
  const when = claimsOf(row.when)
  return when && !Object.values(when).includes('') ? { when, scopes: words(row.scopes), roles: words(row.roles) } : undefined
}

/** Which tokens of an issuer get what of the most that it may give. */
export function Grants({ rows, onChange, tried, problem }: { rows: GrantRow[]; onChange: (rows: GrantRow[]) => void; tried: boolean; problem: string | undefined }) {
  const set = (at: number, next: Partial<GrantRow>) => onChange(rows.map((row, i) => (i === at ? { ...row, ...next } : row)))
  return (
    <fieldset className="flex min-w-0 flex-col gap-3">
      <legend className="mb-1 font-medium">Who gets what</legend>
      <p className="text-xs text-muted">{rows.length === 0 ? 'Every token gets all of the scopes and roles above. With grants, claims decide.' : 'A token gets the sum of the grants that its claims match, and nothing without one.'}</p>
      {rows.map((row, i) => (
        <div key={i} role="group" aria-label={`Grant ${i + 1}`} className="flex items-start gap-2 rounded-lg border border-line p-3">
          <div className="grid min-w-0 flex-1 gap-3 sm:grid-cols-2">
            <Field label="Claims" className="sm:col-span-2" hint="name=value on a line; empty: every token." error={tried && !grantOf(row) ? 'one name=value on a line' : undefined}>
              <Textarea mono rows={2} value={row.when} onChange={(event) => set(i, { when: event.target.value })} placeholder="groups=operators" />
            </Field>
            <Field label="Scopes">
              <Textarea mono rows={2} value={row.scopes} onChange={(event) => set(i, { scopes: event.target.value })} placeholder="daypass:*" />
            </Field>
            <Field label="Roles">
              <Textarea mono rows={2} value={row.roles} onChange={(event) => set(i, { roles: event.target.value })} placeholder="account_manager" />
            </Field>
          </div>
          <IconButton size="small" label={`Remove grant ${i + 1}`} icon={Trash2} onClick={() => onChange(rows.filter((_, at) => at !== i))} />
        </div>
      ))}
      {problem && <p className="text-xs text-bad">{problem}</p>}
      <div>
        <Button size="small" icon={Plus} onClick={() => onChange([...rows, { when: '', scopes: '', roles: '' }])}>
          Add a grant
        </Button>
      </div>
    </fieldset>
  )
}
