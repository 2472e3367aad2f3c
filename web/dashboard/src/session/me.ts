import { useQuery } from '@tanstack/react-query'
import { api, ok, type Schemas, useSession } from '.'

/** Who is logged in; undefined until it is known. */
export function useMe(): Schemas['Me'] | undefined {
  const { payload } = useSession()
  return useQuery({ queryKey: ['me', payload.uid], queryFn: ({ signal }) => ok(api.GET('/v1/me', { signal })), staleTime: 300_000 }).data
}
