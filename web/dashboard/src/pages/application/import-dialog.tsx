import { useRef, useState } from 'react'
import { Button, Dialog, Field, Textarea } from '~/parts'
import { importOpenAPI, withResources } from './openapi'

const longest = 64 * 1024 * 1024 // bytes; what is read of it has a limit of its own

/** Makes resources of an OpenAPI document and hands the file on to the editor; nothing is saved. */
export function ImportDialog({ open, onClose, draft, onImported }: { open: boolean; onClose: () => void; draft: string; onImported: (text: string, resources: number, warnings: string[]) => void }) {
  const area = useRef<HTMLTextAreaElement>(null)
  const [text, setText] = useState('')
  const [error, setError] = useState<string>()
  const close = () => {
    setError(undefined)
    setText('')
    onClose()
  }
  const take = () => {
    try {
      const { resources, warnings } = importOpenAPI(text)
      onImported(withResources(draft, resources), resources.length, warnings)
      close()
    } catch (reason) {
      setError(reason instanceof Error ? reason.message.split('\n')[0] : String(reason))
    }
  }
  return (
    <Dialog
      size="large"
      open={open}
      onClose={close}
      title="Import OpenAPI"
      initialFocus={area}
      description="The resources of the document take the place of those in the editor. You see the differences before anything is saved."
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button tone="primary" disabled={!text.trim()} onClick={take}>Put into the editor</Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Field label="File" hint="Swagger 2.0, OpenAPI 3.0 or 3.1, as YAML or JSON. It is read in this browser.">
          <input
            aria-label="File"
            type="file"
            accept=".yaml,.yml,.json"
            className="h-9 w-full text-sm file:mr-3 file:h-9 file:cursor-pointer file:rounded-md file:border file:border-line-strong/60 file:bg-surface file:px-3 file:text-text"
            onChange={async (event) => {
              const file = event.target.files?.[0]
              if (!file) return
              if (file.size > longest) return setError('This file is too large for a document.')
              setError(undefined)
              setText(await file.text())
            }}
          />
        </Field>
        <Field label="Or its text" error={error}>
          <Textarea ref={area} mono rows={12} wrap="off" value={text} onChange={(event) => (setText(event.target.value), setError(undefined))} />
        </Field>
        <p className="text-xs text-muted">
          The plain cases are known here; what is not is left out and so denied, and you are told. <code className="font-mono">daypass resource import</code> knows the rest.
        </p>
      </div>
    </Dialog>
  )
}
