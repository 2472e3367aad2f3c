import { Eraser, ShieldAlert } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Button, Card, Field, PageHeader, Select, Textarea } from '~/parts'
import { useSession } from '~/session'
import { useCommands } from '~/shell/commands'
import { useQueryParam } from '~/shell/query'
import { useKeyNames } from '../keys/read'
import { DecodedCard } from './decoded'
import { decode } from './decode'
import { type Bearer, Tester } from './tester'

const notes = {
  paste: 'To decide, the pass is sent to this server, and nowhere else. Nothing is sent to the application.',
  own: 'Decided as the gate would. Nothing is sent to the application.',
  key: 'Decided as with a pass that the key would give now, with all that it may. None is made.',
  none: 'Decided as for a stranger. Nothing is sent to the application.',
}

export default function Debugger() {
  const { token } = useSession()
  const [who, setWho] = useQueryParam('who', 'paste')
  const [key, setKey] = useQueryParam('key')
  const [pasted, setPasted] = useState('') // a secret: neither in the address nor in any storage
  const keys = useKeyNames()
  const text = who === 'own' ? token : who === 'paste' ? pasted : ''
  const decoded = useMemo(() => decode(text), [text])

  useCommands(
    [
      { id: 'debugger.own', title: 'Debug the pass of this login', keywords: 'token decode claims', run: () => setWho('own') },
      { id: 'debugger.paste', title: 'Debug a pasted pass', keywords: 'token decode jwt', run: () => setWho('paste') },
      { id: 'debugger.key', title: 'Ask what a key may do', keywords: 'explain why denied', run: () => setWho('key') },
      { id: 'debugger.forget', title: 'Forget the pasted pass', keywords: 'clear token secret', run: () => setPasted('') },
    ],
    [setWho],
  )

  const readable = decoded?.kind === 'signed' || decoded?.kind === 'encrypted' ? decoded : undefined
  const bearer: Bearer = who === 'key' ? (key ? { key } : undefined) : readable ? { token: readable.text } : undefined
  const missing = who === 'key' && !key ? 'Choose a key first.' : (who === 'paste' || who === 'own') && !readable ? 'Paste a pass first, or choose another way to ask.' : undefined
  const claimed = decoded?.kind === 'signed' ? decoded.claims['key'] : undefined
  const source = who === 'key' ? key || undefined : typeof claimed === 'string' ? claimed : undefined
  return (
    <>
      <PageHeader title="Debugger" description="What a pass says, whether it is true, and why a request is let through or denied." />
      <div className="flex flex-col gap-4">
        <Card>
          <div className="flex flex-col gap-4">
            <div className="grid gap-4 sm:grid-cols-2">
              <Field label="Look at">
                <Select value={who in notes ? who : 'paste'} onChange={(event) => setWho(event.target.value)}>
                  <option value="paste">A pass that I paste</option>
                  <option value="own">The pass of this login</option>
                  <option value="key">A key, and what its passes may do</option>
                  <option value="none">A request without a pass</option>
                </Select>
              </Field>
              {who === 'key' && (
                <Field label="Key">
                  <Select value={key} onChange={(event) => setKey(event.target.value)}>
                    <option value="">Choose a key…</option>
                    {key && !keys.keys.some((one) => one.id === key) && <option value={key}>{key}</option>}
                    {keys.keys.map((one) => (
                      <option key={one.id} value={one.id}>
                        {one.comment || one.id}
                      </option>
                    ))}
                  </Select>
                </Field>
              )}
            </div>
            {who === 'paste' && (
              <>
                <Field label="Text of the pass" hint="Decoded in this browser. It is sent only when you ask the server, and kept nowhere.">
                  <Textarea mono rows={4} autoComplete="off" autoCapitalize="off" value={pasted} onChange={(event) => setPasted(event.target.value)} placeholder="eyJhbGciOi…" className="break-all" />
                </Field>
                <div className="flex flex-wrap items-center gap-3">
                  <p className="flex min-w-0 flex-1 basis-64 items-start gap-2 text-warn">
                    <ShieldAlert aria-hidden className="mt-0.5 size-4 shrink-0" />A pass that lives is a secret: whoever has its text can use it. Do not send it around, and revoke it if others saw it.
                  </p>
                  <Button icon={Eraser} disabled={!pasted} onClick={() => setPasted('')}>
                    Forget it
                  </Button>
                </div>
              </>
            )}
          </div>
        </Card>
        {decoded && <DecodedCard of={decoded} />}
        <Tester key={who} bearer={bearer} source={source} missing={missing} note={notes[who in notes ? (who as keyof typeof notes) : 'paste']} />
      </div>
    </>
  )
}
