import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Button, Card, CodeBlock, ErrorPanel, Field, Input } from '~/parts'
import type { Problem } from '~/session'
import { enterWithKey, readOptions } from '~/session/login'
import { Mark } from '~/shell/mark'

/** The first login: with the key that `daypass init` printed. The text is dropped once it is a pass. */
export function Enter({ problem }: { problem?: Problem }) {
  const [key, setKey] = useState('')
  const enter = useMutation({
    mutationFn: async () => {
      const { address } = await readOptions()
      await enterWithKey(key, address, true)
    },
  })
  return (
    <main className="mx-auto mt-10 flex w-full max-w-lg flex-col gap-6">
      <Mark />
      <div>
        <h1 className="text-xl font-semibold tracking-tight">Set up Daypass</h1>
        <p className="mt-1 text-muted">Five steps from nothing to the first request that gets through. It takes a few minutes.</p>
      </div>
      <Card title="Begin with the first key">
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault()
            if (!enter.isPending) enter.mutate()
          }}
        >
          <p>
            Making the server’s store printed the key of its administrator, once. With <code className="rounded bg-sunken px-1 font-mono text-xs">serve --dev</code> it stands in the first lines.
          </p>
          <CodeBlock label="How the key was made">daypass init --data daypass-data --org acme</CodeBlock>
          <Field label="Key" required hint="It becomes a pass of three days at once; the key itself is not kept.">
            <Input mono type="password" autoComplete="off" value={key} onChange={(event) => setKey(event.target.value)} placeholder="dp_live_…" />
          </Field>
          {(enter.error ?? problem) && <ErrorPanel error={enter.error ?? problem} />}
          <div className="flex flex-wrap items-center justify-between gap-3">
            <Link to="/login" className="text-accent underline underline-offset-2">
              Other ways to log in
            </Link>
            <Button type="submit" tone="primary" busy={enter.isPending}>
              Begin
            </Button>
          </div>
        </form>
      </Card>
    </main>
  )
}
