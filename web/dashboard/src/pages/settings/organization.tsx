import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Button, buttonClass, Card, CopyButton, ErrorPanel, Field, Input, RelativeTime, Skeleton, toast } from '~/parts'
import { ok, type Schemas, useSession } from '~/session'

/** Its name, and what is for good. */
export function Organization() {
  const { org, api } = useSession()
  const query = useQuery({ queryKey: [org, 'organization'], queryFn: ({ signal }) => ok(api.GET('/v1/organizations/{org}', { params: { path: { org } }, signal })) })
  if (query.error) return <ErrorPanel error={query.error} retry={() => void query.refetch()} />
  if (!query.data) return <Skeleton className="h-72 w-full max-w-xl" />
  return <Form key={query.data.id} organization={query.data} />
}

function Form({ organization }: { organization: Schemas['Organization'] }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const [name, setName] = useState(organization.name)
  const save = useMutation({
    mutationFn: () => ok(api.PATCH('/v1/organizations/{org}', { params: { path: { org }, header: { 'If-Match': `"${organization.revision}"` } }, body: { name } })),
    onSuccess: async () => {
      await Promise.all([queries.invalidateQueries({ queryKey: [org, 'organization'] }), queries.invalidateQueries({ queryKey: ['organizations'] })])
      toast.done('Saved')
    },
  })
  return (
    <Card title="Organization" className="max-w-xl">
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (!save.isPending) save.mutate()
        }}
      >
        <Field label="Name" hint="For people.">
          <Input value={name} onChange={(event) => setName(event.target.value)} maxLength={200} />
        </Field>
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] items-center gap-x-4 gap-y-1">
          <dt className="text-muted">Short name</dt>
          <dd className="flex items-center gap-1">
            <code className="font-mono text-xs">{organization.slug}</code>
            <CopyButton text={organization.slug} label="Copy the short name" />
          </dd>
          <dt className="text-muted">Id</dt>
          <dd className="flex min-w-0 items-center gap-1">
            <code className="truncate font-mono text-xs">{organization.id}</code>
            <CopyButton text={organization.id} label="Copy the id" />
          </dd>
          <dt className="text-muted">Founded</dt>
          <dd>
            <RelativeTime time={organization.created} />
          </dd>
        </dl>
        {save.error && <ErrorPanel error={save.error} />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" tone="primary" busy={save.isPending} disabled={name === organization.name}>
            Save
          </Button>
          <Link to="/setup" className={buttonClass()}>
            Open the set-up
          </Link>
        </div>
      </form>
    </Card>
  )
}
