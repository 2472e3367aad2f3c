import { CircleAlert, RotateCw } from 'lucide-react'
import { Problem } from '~/session/problem'
import { Button } from './button'

/** What went wrong and what to do about it, of whatever was thrown. `retry` offers to try again. */
export function ErrorPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = Problem.of(error)
  const fields = problem.fields.filter((field) => !problem.detail.includes(field.message)) // some details say it all already
  return (
    <div role="alert" className="flex items-start gap-3 rounded-lg border border-bad/40 bg-bad-soft p-4">
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="font-medium text-bad">{problem.title}</p>
        <p className="break-words whitespace-pre-line">{problem.detail}</p>
        {fields.length > 0 && (
          <ul className="mt-1 list-disc pl-5">
            {fields.map((field) => (
              <li key={field.pointer + field.message}>
                <code className="font-mono text-xs">{field.pointer}</code> {field.message}
              </li>
            ))}
          </ul>
        )}
        <p className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs">
          {problem.status > 0 && (
            <a href={`/docs/errors#${problem.code}`} className="text-accent underline underline-offset-2">
              What to do about <code className="font-mono">{problem.code}</code>
            </a>
          )}
          {problem.requestId && <span>Request {problem.requestId}</span>}
        </p>
      </div>
      {retry && (
        <Button size="small" icon={RotateCw} onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}
