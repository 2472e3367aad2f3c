import { Download } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { Button } from './button'
import { Dialog } from './dialog'
import { Checkbox } from './field'
import { CodeBlock, CopyButton, SnippetTabs } from './show'

/** Shows the text of a key, this once: it can be copied and downloaded, and closed only by who says that they kept it. */
export function KeyOnce({ text, title, children, onDone }: { text: string | undefined; title: string; children?: ReactNode; onDone: () => void }) {
  return (
    <Dialog locked size="large" open={text !== undefined} onClose={onDone} title={title} description="It is shown now and never again: the server keeps only a fingerprint of it." footer={<Kept onDone={onDone} />}>
      {text !== undefined && (
        <div className="flex flex-col gap-4">
          {children}
          <CodeBlock wrap label="Key">
            {text}
          </CodeBlock>
          <div className="flex flex-wrap gap-2">
            <CopyButton text={text}>Copy the key</CopyButton>
            <Button icon={Download} onClick={() => download('.env', `DAYPASS_URL=${location.origin}\nDAYPASS_KEY=${text}\n`)}>
              Download .env
            </Button>
          </div>
          <section>
            <h3 className="mb-1 font-semibold">Make a pass of it</h3>
            <SnippetTabs snippets={snippets(location.origin)} />
          </section>
        </div>
      )}
    </Dialog>
  )
}

function Kept({ onDone }: { onDone: () => void }) {
  const [kept, setKept] = useState(false)
  return (
    <div className="flex w-full flex-wrap items-center justify-between gap-3">
      <Checkbox label="I have kept it in a safe place" checked={kept} onChange={setKept} />
      <Button tone="primary" disabled={!kept} onClick={onDone}>
        Done
      </Button>
    </div>
  )
}

function download(name: string, text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

const snippets = (url: string) => ({
  curl: `curl -X POST ${url}/v1/tokens \\\n  -H "Authorization: Bearer $DAYPASS_KEY"`,
  js: `const answer = await fetch('${url}/v1/tokens', {\n  method: 'POST',\n  headers: { Authorization: \`Bearer \${process.env.DAYPASS_KEY}\` },\n})\nconst { token } = await answer.json()`,
  go: `client, err := daypass.New("${url}", daypass.WithKey(os.Getenv("DAYPASS_KEY")))\nif err != nil {\n\treturn err\n}\npass, err := client.Exchange(ctx, daypass.ExchangeRequest{})`,
})
