export const slug = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** The first resource file of an application, to be changed in the editor. */
export function starter({ name, host, upstream, open }: { name: string; host: string; upstream: string; open: boolean }): string {
  const lines = [`application: ${JSON.stringify(name)}`]
  if (host) lines.push(`hosts: [${JSON.stringify(host)}]`)
  if (upstream) lines.push(`upstream: ${JSON.stringify(upstream)}`)
  lines.push('resources:   # the first that matches decides; what none matches is denied')
  if (open) lines.push('  - match: GET /public/**', '    access: public')
  lines.push('  - match: GET /**', `    require: { scopes: ["${name}:read"] }`, '  - match: ANY /**', `    require: { scopes: ["${name}:write"] }`)
  return `${lines.join('\n')}\n`
}
