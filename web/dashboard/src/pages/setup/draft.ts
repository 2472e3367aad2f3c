import { stringify } from 'yaml'
import { askWithPass, type Sample, tokenOfAnswer } from '~/parts/key-snippets'

/** Who gets in where a rule matches. */
export type Rule = { methods: string; path: string; access: 'public' | 'authenticated' | 'scope'; scope: string }

/** What the wizard knows so far. It survives a reload; no secret is ever in it. */
export type Draft = {
  step: number
  org: string
  app: string
  upstream: string
  by: 'host' | 'prefix' | 'any'
  host: string
  prefix: string
  /** As the server says, until somebody knows better. */
  gateway: string
  rules: Rule[]
  /** Id of the key that was made. */
  key: string
}

export function blank(org: string): Omit<Draft, 'gateway'> {
  return { step: 0, org, app: '', upstream: 'http://127.0.0.1:9000', by: 'host', host: '', prefix: '/', rules: [], key: '' }
}

/** Reading is open to who may read, everything else to who may write; health is anybody's. */
export function usualRules(app: string, prefix: string): Rule[] {
  const at = prefix === '/' ? '' : prefix
  return [
    { methods: 'GET', path: `${at}/health`, access: 'public', scope: '' },
    { methods: 'GET', path: `${at}/**`, access: 'scope', scope: `${app}:read` },
    { methods: 'ANY', path: `${at}/**`, access: 'scope', scope: `${app}:write` },
  ]
}

export function resourceFile(draft: Draft): string {
  return stringify(
    {
      application: draft.app,
      organization: draft.org,
      ...(draft.by === 'host' && { hosts: [draft.host] }),
      ...(draft.by === 'prefix' && { prefix: draft.prefix }),
      upstream: draft.upstream,
      resources: draft.rules.map((rule) => ({
        match: `${rule.methods} ${rule.path}`,
        ...(rule.access === 'scope' ? { require: { scopes: rule.scope.split(/[\s,]+/).filter(Boolean) } } : { access: rule.access }),
      })),
    },
    { lineWidth: 0 },
  )
}

/** The scopes that the rules ask for. */
export function scopesOf(rules: readonly Rule[]): string[] {
  return [...new Set(rules.flatMap((rule) => (rule.access === 'scope' ? rule.scope.split(/[\s,]+/).filter(Boolean) : [])))]
}

/** A path that the first rule for reading with a pass lets through; one that stands before it does not take it. */
export function samplePath(rules: readonly Rule[]): string {
  const rule = rules.find((one) => one.access !== 'public' && /GET|ANY/.test(one.methods)) ?? rules[0]
  return (rule?.path ?? '/').replace(/\*\*$/, '').replace(/\{[^}]*\}/g, '1').replace(/\*/g, '1') || '/'
}

/** What the gateway is asked for, once all is there. */
export function sampleOf(draft: Draft): Sample {
  return { gateway: draft.gateway, host: draft.by === 'host' ? draft.host.replace(/^\*\./, 'www.') : undefined, path: samplePath(draft.rules) }
}

/** The commands that make a pass and send a request through the gateway. */
export function commands(draft: Draft, url: string, key: string | undefined): string {
  return [`export DAYPASS_KEY=${key ?? '…the key that you kept…'}`, `PASS=$(curl -s -X POST ${url}/v1/tokens \\`, `  -H "Authorization: Bearer $DAYPASS_KEY" \\`, tokenOfAnswer, askWithPass(sampleOf(draft))].join('\n')
}

export function slugOf(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
}

const store = 'daypass.setup'

export function load(storage: Pick<Storage, 'getItem'> = localStorage): Partial<Draft> {
  try {
    const kept: unknown = JSON.parse(storage.getItem(store) ?? '{}')
    return typeof kept === 'object' && kept !== null ? (kept as Partial<Draft>) : {}
  } catch {
    return {}
  }
}

export function keep(draft: Partial<Draft> | undefined, storage: Pick<Storage, 'setItem' | 'removeItem'> = localStorage): void {
  try {
    if (draft) storage.setItem(store, JSON.stringify(draft))
    else storage.removeItem(store)
  } catch {
    // Without storage a reload begins anew.
  }
}
