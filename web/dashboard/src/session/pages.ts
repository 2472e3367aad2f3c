import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

type Page<Row> = { items: Row[]; next_cursor?: string }

/** A list of the API, page by page; what it returns goes into `<Table {...pages} />`. */
export type Pages<Row> = {
  rows: Row[]
  /** The first page is on its way. */
  loading: boolean
  /** What is shown is of the question before, until the answer to this one comes. */
  stale: boolean
  error: Error | null
  /** There are more rows. */
  more: boolean
  onMore: () => void
  retry: () => void
}

/**
 * Reads a list by cursor. The key begins with the organization and the noun.
 *
 *     const keys = usePages([org, 'keys'], (cursor, signal) =>
 *       ok(api.GET('/v1/organizations/{org}/keys', { params: { path: { org }, query: { ...cursor, limit: 100 } }, signal })))
 */
export function usePages<Row>(key: QueryKey, read: (cursor: { cursor?: string }, signal: AbortSignal) => Promise<Page<Row>>): Pages<Row> {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => read(pageParam ? { cursor: pageParam } : {}, signal),
    initialPageParam: '',
    getNextPageParam: (page: Page<Row>) => page.next_cursor,
    // As many requests as there are pages: only short lists are read again for a glance.
    refetchOnWindowFocus: (query) => (query.state.data?.pages.length ?? 0) < 4,
    placeholderData: (before, query) => (query?.queryKey[0] === key[0] && query?.queryKey[1] === key[1] ? before : undefined),
  })
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  return {
    rows,
    loading: query.isPending,
    stale: query.isPlaceholderData,
    error: query.error,
    more: query.hasNextPage,
    onMore: () => void (query.isFetchingNextPage || query.fetchNextPage()),
    retry: () => void query.refetch(),
  }
}
