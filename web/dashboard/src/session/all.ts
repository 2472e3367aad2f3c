import type { QueryKey } from '@tanstack/react-query'
import { useEffect } from 'react'
import { type Pages, usePages } from './pages'

/**
 * A list read to its end, page after page: for what is searched or joined in the
 * browser. Its rows show as they come; `complete` says that none is missing.
 */
export function useAll<Row>(key: QueryKey, read: Parameters<typeof usePages<Row>>[1]): Pages<Row> & { complete: boolean } {
  const pages = usePages(key, read)
  const { more, error, rows, onMore } = pages
  useEffect(() => {
    if (more && !error) onMore()
    // onMore is a new function at each render; the rows say that a page has come.
  }, [more, error, rows.length])
  return { ...pages, complete: !pages.loading && !more && !error }
}
