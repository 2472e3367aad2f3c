import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Bug, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Badge, Button, buttonClass, ConfirmDialog, CopyButton, ErrorPanel, RelativeTime, Sheet, Skeleton, toast } from '~/parts'
import { ok, useSession } from '~/session'
import { useCommands } from '~/shell/commands'
import { Row, Scopes, Section } from '../keys/key'
import { useKeyNames, usePeople } from '../keys/read'
import { count } from '../keys/usage'
import { usePass, useRelated } from './data'
import { endsWith, headOf, lineOf, type Pass } from './lineage'
import { madeHow, Tree } from './tree'

const clock = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** What a pass may do, where it comes from, and what ends with it. */
export function PassSheet({ id, listed, onOpen, onClose }: { id: string; listed: Pass | undefined; onOpen: (id: string) => void; onClose: () => void }) {
  const { org, payload } = useSession()
  const { data: pass, error, refetch } = usePass(id, listed)
  const related = useRelated(pass)
  const keys = useKeyNames()
  const [asked, setAsked] = useState(false)
  const live = related.data?.rows ?? []
  const ended = pass !== undefined && (Date.parse(pass.expires) <= Date.now() || (related.data !== undefined && !related.data.more && !live.some((one) => one.id === id)))
  const own = pass !== undefined && (payload.fam ?? [payload.jti]).includes(headOf(pass))
  const doomed = pass ? endsWith(pass, live) : []
  const line = pass && related.data ? lineOf(id, live.some((one) => one.id === id) ? live : [...live, pass]) : undefined

  useCommands(pass && !ended && !own ? [{ id: 'tokens.revoke', title: 'Revoke the pass that is open', keywords: 'end token', run: () => setAsked(true) }] : [], [id, ended, own, pass === undefined])

  return (
    <Sheet
      open={id !== ''}
      onClose={onClose}
      title="Pass"
      description={<code className="font-mono text-xs break-all">{id}</code>}
      footer={
        pass && (
          <>
            <Button tone="danger" icon={Trash2} disabled={ended || own} onClick={() => setAsked(true)}>
              Revoke…
            </Button>
            <span className="flex-1" />
            {pass.key && (
              <Link to="/o/$org/debugger" params={{ org }} search={{ who: 'key', key: pass.key } as never} className={buttonClass()}>
                <Bug aria-hidden className="size-4" />
                What may its key do?
              </Link>
            )}
          </>
        )
      }
    >
      {error && !pass && <ErrorPanel error={error} retry={() => void refetch()} />}
      {!error && !pass && <Skeleton className="h-96 w-full" />}
      {pass && (
        <div className="flex flex-col gap-6">
          {own && !ended && <p className="rounded-lg bg-info-soft p-3 text-info">You are logged in with this pass, or with one of its family. To end it, log out.</p>}
          {ended && <p className="rounded-lg bg-sunken p-3 text-muted">It has ended: it expired, or it was revoked, or something that it came from was.</p>}
          <Facts of={pass} ended={ended} />
          <Section title="Lineage">
            {related.error ? (
              <p className="text-muted">{related.error.message}</p>
            ) : !line ? (
              <Skeleton className="h-24 w-full" />
            ) : (
              <>
                <Tree of={line} from={pass.key ? keys.name(pass.key) : 'an outside issuer'} current={id} onOpen={onOpen} />
                <p className="text-xs text-muted">A renewal and what it renews are one family, and end together. What is narrowed or exchanged ends with what it was made from.</p>
              </>
            )}
          </Section>
          <Revoke pass={pass} doomed={doomed} more={related.data?.more ?? true} keyName={pass.key && keys.name(pass.key)} open={asked} onClose={() => setAsked(false)} />
        </div>
      )}
    </Sheet>
  )
}

function Facts({ of: pass, ended }: { of: Pass; ended: boolean }) {
  const { org } = useSession()
  const people = usePeople()
  const keys = useKeyNames()
  return (
    <dl className="grid grid-cols-[7rem_1fr] gap-x-4 gap-y-2">
      <Row name="Speaks for">
        {people.name(pass.subject)}
        {pass.actors?.map((actor) => (
          <span key={actor} className="block text-xs text-muted">
            through {people.name(actor)}
          </span>
        ))}
      </Row>
      <Row name="Time left">
        {ended ? <Badge>ended</Badge> : <RelativeTime time={pass.expires} />}
        <span className="block text-xs text-muted">
          {clock.format(new Date(pass.issued))} to {clock.format(new Date(pass.expires))}
        </span>
      </Row>
      <Row name="Renewable">{pass.renewable ? 'yes' : 'no'}</Row>
      <Row name="Scopes">
        <Scopes list={pass.scopes} />
      </Row>
      <Row name="Roles">{pass.roles.length > 0 ? pass.roles.join(', ') : <span className="text-muted">none</span>}</Row>
      <Row name="Good for">
        <Scopes list={pass.audience} />
      </Row>
      <Row name="Networks">{pass.ips.length > 0 ? <Scopes list={pass.ips} /> : 'anywhere'}</Row>
      <Row name="Made">
        {madeHow(pass.origin)} <RelativeTime time={pass.issued} />
      </Row>
      {pass.from && (
        <Row name="Asked for by">
          {pass.from.address && <code className="font-mono text-xs">{pass.from.address}</code>}
          {pass.from.user_agent && <span className="block text-xs text-muted">{pass.from.user_agent}</span>}
        </Row>
      )}
      <Row name="Key">
        {pass.key ? (
          <Link to="/o/$org/keys" params={{ org }} search={{ key: pass.key } as never} className="text-accent underline underline-offset-2">
            {keys.name(pass.key)}
          </Link>
        ) : (
          <span className="text-muted">none</span>
        )}
      </Row>
      <Row name="Id">
        <span className="inline-flex max-w-full items-center gap-1">
          <code className="truncate font-mono text-xs">{pass.id}</code>
          <CopyButton text={pass.id} label="Copy the id" />
        </span>
      </Row>
    </dl>
  )
}

function Revoke({ pass, doomed, more, keyName, open, onClose }: { pass: Pass; doomed: Pass[]; more: boolean; keyName: string; open: boolean; onClose: () => void }) {
  const { org, api } = useSession()
  const queries = useQueryClient()
  const people = usePeople()
  const revoke = useMutation({
    mutationFn: () => ok(api.DELETE('/v1/organizations/{org}/tokens/{token}', { params: { path: { org, token: pass.id } } })),
    onSuccess: async () => {
      toast.done('Pass revoked', 'It is refused from the next request on, and so is what ended with it.')
      await queries.invalidateQueries({ queryKey: [org, 'tokens'] })
    },
  })
  const family = doomed.filter((one) => headOf(one) === headOf(pass)).length
  const within = doomed.length - family
  const least = more ? 'at least ' : ''
  return (
    <ConfirmDialog open={open} onClose={onClose} title={`Revoke the pass of ${people.name(pass.subject)}?`} action="Revoke" onConfirm={() => revoke.mutateAsync()}>
      <p>
        The pass <code className="font-mono text-xs">…{pass.id.slice(-8)}</code>
        {keyName && (
          <>
            {' '}
            of the key <strong>{keyName}</strong>
          </>
        )}{' '}
        is refused from the next request on. This cannot be taken back.
      </p>
      <ul className="flex list-disc flex-col gap-1 rounded-lg bg-sunken p-3 pl-7">
        <li>
          {within === 0 && !more ? 'No other pass was made from it' : <strong>Ends {least}{count(within, 'pass', 'passes')} made from it</strong>}
          {family > 0 && (
            <>
              , and <strong>{least}{count(family, 'other', 'others')}</strong> of its family: renewals of one another end together
            </>
          )}
        </li>
        <li>{keyName ? 'Its key lives on, and can make new ones. To stop that, delete the key.' : 'Who logs in again gets a new one.'}</li>
      </ul>
    </ConfirmDialog>
  )
}
