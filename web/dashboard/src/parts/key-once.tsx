import { Download } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { Button } from './button'
import { Dialog } from './dialog'
import { download } from './download'
import { Checkbox } from './field'
import { type CreatedKey, envFile, envName, exchangeSnippets, type Sample, signingSnippets } from './key-snippets'
import { CodeBlock, CopyButton, SnippetTabs } from './show'

type KeyOnceProps = { created: CreatedKey | undefined; sample: Sample; title: string; children?: ReactNode; onDone: () => void }

/** Shows the text of a key, and its secret where it signs, the only time that there is one. It closes when somebody says that it is kept. */
export function KeyOnce({ created, sample, title, children, onDone }: KeyOnceProps) {
  const [kept, setKept] = useState(false)
  const shown = created !== undefined
  useEffect(() => {
    if (!shown) return
    setKept(false)
    const stay = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', stay)
    return () => window.removeEventListener('beforeunload', stay)
  }, [shown])
  return (
    <Dialog
      open={shown}
      locked
      size="large"
      onClose={onDone}
      title={title}
      description="This is the only time that it is shown. Daypass keeps a fingerprint of it, from which it cannot be got back."
      footer={
        <Button tone="primary" disabled={!kept} onClick={onDone}>
          Done
        </Button>
      }
    >
      {created && (
        <div className="flex flex-col gap-4">
          {children}
          <CodeBlock wrap label="The key">
            {created.key}
          </CodeBlock>
          {created.secret && (
            <div className="flex flex-col gap-1">
              <p className="font-medium">Its secret, to sign requests with</p>
              <CodeBlock wrap label="The secret">
                {created.secret}
              </CodeBlock>
            </div>
          )}
          <div className="flex flex-wrap gap-2">
            <CopyButton text={created.key}>Copy the key</CopyButton>
            <Button icon={Download} onClick={() => download(envName(created), 'text/plain', [envFile(location.origin, created)])}>
              Download .env
            </Button>
          </div>
          <div>
            <p className="mb-1 font-medium">Make a pass of it, and ask your API with the pass</p>
            <SnippetTabs snippets={created.secret ? signingSnippets(location.origin, sample) : exchangeSnippets(location.origin, sample, created)} />
          </div>
          <Checkbox label="I have kept the key where only its program can read it" hint="Not in source code, not in a chat." checked={kept} onChange={setKept} className="rounded-lg border border-line p-3" />
        </div>
      )}
    </Dialog>
  )
}
