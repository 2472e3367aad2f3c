import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'

/** A piece of a page's state that lives in the address (`?q=…`), so that it can be linked and survives a reload. */
export function useQueryParam(name: string, initial = ''): [string, (value: string) => void] {
  const search: Record<string, unknown> = useSearch({ strict: false })
  const navigate = useNavigate()
  const value = search[name]
  const set = useCallback(
    (next: string) => {
      const change = (old: Record<string, unknown>) => ({ ...old, [name]: next === initial ? undefined : next })
      void navigate({ to: '.', search: change as never, replace: true, resetScroll: false })
    },
    [name, initial, navigate],
  )
  return [typeof value === 'string' ? value : initial, set]
}
