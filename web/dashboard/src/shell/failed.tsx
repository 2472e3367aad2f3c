import { Link, useRouter } from '@tanstack/react-router'
import { buttonClass } from '~/parts/button'
import { ErrorPanel } from '~/parts/error-panel'
import { PageHeader, Skeleton } from '~/parts/show'

/** Instead of a page that broke, or whose program could not be loaded. */
export function PageFailed({ error }: { error: unknown }) {
  const router = useRouter()
  return <ErrorPanel error={error} retry={() => void router.invalidate()} />
}

export function PageMissing() {
  return (
    <>
      <PageHeader title="Not found" description="There is no page at this address." />
      <Link to="/" className={buttonClass()}>
        To the overview
      </Link>
    </>
  )
}

/** While the program of a page is loaded: its header and a list. */
export function PagePending() {
  return (
    <div aria-busy="true">
      <span role="status" className="sr-only">
        Loading
      </span>
      <Skeleton className="h-7 w-40" />
      <Skeleton className="mt-2 h-4 w-80 max-w-full" />
      <Skeleton className="mt-8 h-96 w-full" />
    </div>
  )
}
