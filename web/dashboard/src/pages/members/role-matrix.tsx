import { useId, useState } from 'react'
import { Badge, cx, ErrorPanel, Select, Skeleton } from '~/parts'
import { useMe } from '~/session/me'
import { useApplications, useRoles } from './data'
import { mayGive, means, onlyWhole, placesOf, scopesOf, toggle, whole, written } from './roles'

const columns = 4 // so many applications stand there from the beginning

/** Which role is held where: roles down, the whole organization and its applications across; under it what that gives. */
export function RoleMatrix({ held, onChange, locked }: { held: string[]; onChange: (held: string[]) => void; locked?: string | undefined }) {
  const roles = useRoles()
  const applications = useApplications()
  const mine = useMe()?.roles ?? []
  const [added, setAdded] = useState<string[]>([])
  const title = useId()
  const slugs = applications.rows.map((application) => application.slug)
  const few = slugs.length <= columns
  const shown = few ? slugs : [...new Set([...placesOf(held), ...added])]
  const others = slugs.filter((slug) => !shown.includes(slug))
  const places = [whole, ...shown]
  if (roles.error) return <ErrorPanel error={roles.error} retry={roles.retry} />
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 id={title} className="font-semibold">
          Roles
        </h3>
        {!few && (
          <Select aria-label="Show an application" className="w-48" value="" onChange={(event) => event.target.value && setAdded([...added, event.target.value])}>
            <option value="">Show an application…</option>
            {others.map((slug) => (
              <option key={slug}>{slug}</option>
            ))}
          </Select>
        )}
      </div>
      <div className="overflow-x-auto rounded-lg border border-line" tabIndex={0} role="region" aria-labelledby={title}>
        <table className="w-full border-separate border-spacing-0 text-sm">
          <thead>
            <tr>
              <th scope="col" className="sticky left-0 z-10 border-b border-line bg-surface px-3 py-2 text-left text-xs font-medium text-muted">
                Role
              </th>
              {places.map((place) => (
                <th key={place} scope="col" className="border-b border-l border-line px-3 py-2 text-center text-xs font-medium text-muted">
                  <span className="block min-w-20 break-words">{place === whole ? 'Whole organization' : place}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {roles.loading &&
              Array.from({ length: 5 }, (_, row) => (
                <tr key={row}>
                  <td colSpan={places.length + 1} className="h-11 border-b border-line px-3 last:border-b-0">
                    <Skeleton />
                  </td>
                </tr>
              ))}
            {roles.rows.map((role) => (
              <tr key={role.name} className="group">
                <th scope="row" className="sticky left-0 z-10 border-b border-line bg-surface px-3 py-1.5 text-left font-normal group-last:border-b-0">
                  <span className="block font-mono text-xs">{role.name}</span>
                  {!role.builtin && <span className="block text-xs text-muted">custom</span>}
                </th>
                {places.map((place) => {
                  const text = written(role.name, place)
                  const has = held.includes(text)
                  const keep = has && locked === text
                  const impossible = place !== whole && onlyWhole(role.name)
                  const forbidden = !mayGive(mine, role.name, place)
                  const where = place === whole ? 'the whole organization' : place
                  return (
                    <td key={place} className="border-b border-l border-line p-0 text-center group-last:border-b-0">
                      {impossible ? (
                        <span className="text-muted" title="Held in the whole organization only">
                          <span aria-hidden>–</span>
                          <span className="sr-only">Held in the whole organization only</span>
                        </span>
                      ) : (
                        <label className={cx('flex h-11 items-center justify-center', keep || forbidden ? 'cursor-not-allowed' : 'cursor-pointer hover:bg-hover')}>
                          <input
                            type="checkbox"
                            aria-label={`${role.name} in ${where}`}
                            title={forbidden ? 'You may not give this role: it exceeds your own' : undefined}
                            checked={has}
                            disabled={keep || forbidden}
                            onChange={(event) => onChange(toggle(held, role.name, place, event.target.checked))}
                            className="size-4 accent-accent"
                          />
                        </label>
                      )}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Preview held={held} scopes={scopesOf(held, roles.rows)} />
    </div>
  )
}

function Preview({ held, scopes }: { held: string[]; scopes: string[] }) {
  return (
    <div aria-live="polite" className="flex flex-col gap-2 rounded-lg bg-sunken p-3">
      <p className="text-xs font-medium text-muted">What these roles give</p>
      {held.length === 0 && <p>Nothing yet: choose at least one role.</p>}
      {scopes[0] === '*' && (
        <p className="flex flex-wrap items-center gap-2">
          <Badge tone="info">*</Badge> Passes may hold any scope; keys bound it further.
        </p>
      )}
      {scopes.length > 0 && scopes[0] !== '*' && (
        <div className="flex flex-wrap items-center gap-1.5">
          Passes may hold
          {scopes.map((scope) => (
            <Badge key={scope} tone="info">
              <code className="font-mono">{scope}</code>
            </Badge>
          ))}
        </div>
      )}
      <ul className="flex flex-col gap-0.5 text-xs text-muted">
        {held.map((text) => {
          const [name = '', place] = text.split('@')
          return (
            <li key={text}>
              <code className="font-mono text-text">{text}</code>: {means[name] ?? `A role of the organization’s own${place ? `, held in ${place}` : ''}.`}
            </li>
          )
        })}
      </ul>
    </div>
  )
}
