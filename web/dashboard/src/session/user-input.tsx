import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { IdInput } from '~/parts/id-input'
import { api, ok } from '.'

/** A user of an organization, searched for by name, e-mail or id. */
export function UserInput({ org, value, onChange, placeholder = 'Name or usr_…', ...rest }: { org: string; value: string; onChange: (user: string) => void; placeholder?: string; label?: string; className?: string }) {
  const [typed, setTyped] = useState('')
  const found = useQuery({
    queryKey: [org, 'users', 'found', typed || value],
    staleTime: 60_000,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}/users', { params: { path: { org }, query: { limit: 50, ...((typed || value) && { q: typed || value }) } }, signal })),
  })
  const choices = useMemo(() => new Map((found.data?.items ?? []).map((user) => [user.id, user.name || user.email || user.id])), [found.data])
  return <IdInput {...rest} value={value} onChange={onChange} onType={setTyped} choices={choices} placeholder={placeholder} />
}
