// Makes resources of an OpenAPI document, for the editor. It knows the plain cases of docs/openapi.md and leaves out,
// with a warning, what it does not know: what has no resource is denied. The command line knows the rest.
import { isMap, isScalar, parse, parseDocument, stringify } from 'yaml'

export type Imported = { resources: Resource[]; warnings: string[] }
export type Resource = { match: string; access?: 'public' | 'authenticated'; require?: { scopes?: string[]; roles?: string[]; in?: string } }

type Members = Record<string, unknown>
const methods = ['get', 'put', 'post', 'delete', 'patch', 'options', 'head', 'trace']
const known = new Set(['x-daypass-scopes', 'x-daypass-roles', 'x-daypass-in', 'x-daypass-access', 'x-daypass-ignore', 'x-daypass-application', 'x-daypass-organization'])
const mostOperations = 10_000
const longest = 16_000_000
const longestYAML = 1_000_000

export function importOpenAPI(text: string): Imported {
  const document = parsed(text)
  if (!isObject(document) || !(typeof document['openapi'] === 'string' || document['swagger'] === '2.0' || document['swagger'] === 2)) throw new Error('This is not an OpenAPI document: it has neither openapi nor swagger at its top.')
  const paths = document['paths']
  if (!isObject(paths)) throw new Error('The document has no paths.')
  const warnings: string[] = []
  checkFields(document, 'the document')
  const base = basePath(document, warnings)
  const found: { path: string; resource: Resource }[] = []
  for (const [template, item] of Object.entries(paths)) {
    if (!template.startsWith('/') || !isObject(item)) continue
    if ('$ref' in item) throw new Error(`${template} is a reference. Resolve it first, or import with the command line.`)
    checkFields(item, template)
    if (Array.isArray(item['servers'])) warnings.push(`${template} has servers of its own, which are not looked at.`)
    const path = pathOf(base + template)
    if (!path) {
      warnings.push(`${template} has a form that is not taken over here, so it is denied. The command line may know it.`)
      continue
    }
    for (const method of methods) {
      const operation = item[method]
      if (!isObject(operation)) continue
      const name = `${method.toUpperCase()} ${template}`
      checkFields(operation, name)
      if ((operation['x-daypass-ignore'] ?? item['x-daypass-ignore']) === true) continue
      if (method === 'head' && isObject(item['get'])) continue // comes with GET
      found.push({ path, resource: { match: `${method.toUpperCase()} ${path}`, ...accessOf([operation, item, document], name, warnings) } })
    }
  }
  if (found.length > mostOperations) throw new Error(`The document has more than ${mostOperations} operations.`)
  found.sort((a, b) => specific(a.path, b.path))
  return { resources: unique(found.map(({ resource }) => resource), warnings), warnings }
}

/** JSON is YAML too, but read a hundred times faster by the browser itself. */
function parsed(text: string): unknown {
  if (text.length > longest) throw new Error('The document has more than 16 million characters. Import it with the command line.')
  try {
    return JSON.parse(text)
  } catch {
    // The page stands still meanwhile, about two seconds for each million of characters.
    if (text.length > longestYAML) throw new Error('A document that is not JSON may have a million characters here. Convert it to JSON, or import it with the command line.')
    return parse(text, { maxAliasCount: 100 })
  }
}

/** The file with these resources in place of its own. A resource that was there by the same match keeps what OpenAPI has no word for. */
export function withResources(file: string, imported: readonly Resource[]): string {
  const document = parseDocument(file)
  const old = new Map<string, Members>()
  const present: unknown = document.errors.length ? undefined : document.toJS({ maxAliasCount: 100 })
  if (isObject(present) && Array.isArray(present['resources'])) for (const rule of present['resources']) if (isObject(rule) && typeof rule['match'] === 'string' && !old.has(rule['match'])) old.set(rule['match'], rule)
  const merged = imported.map((resource) => {
    const { match: _, access: __, require: ___, ...kept } = old.get(resource.match) ?? {}
    return kept['graphql'] ? { match: resource.match, ...kept } : { ...resource, ...kept }
  })
  const written = `resources:\n${merged.map((resource) => `  - ${stringify(resource, { flowCollectionPadding: true, collectionStyle: 'any', lineWidth: 160 }).trimEnd().replaceAll('\n', '\n    ')}\n`).join('')}`
  if (merged.length === 0) throw new Error('Nothing of the document can be taken over.')
  const pair = isMap(document.contents) && !document.contents.flow ? document.contents.items.find((item) => isScalar(item.key) && item.key.value === 'resources') : undefined
  if (!pair || !isScalar(pair.key) || !pair.key.range) return `${file.trimEnd()}${file.trim() ? '\n' : ''}${written}`
  const end = (pair.value as { range?: [number, number, number] } | null)?.range?.[2] ?? pair.key.range[2]
  return file.slice(0, pair.key.range[0]) + written + file.slice(end)
}

function basePath(document: Members, warnings: string[]): string {
  const servers = Array.isArray(document['servers']) ? document['servers'].filter(isObject) : []
  const first = servers[0]
  let url = typeof first?.['url'] === 'string' ? first['url'] : ''
  for (const [name, variable] of Object.entries(isObject(first?.['variables']) ? first['variables'] : {})) if (isObject(variable)) url = url.replaceAll(`{${name}}`, String(variable['default'] ?? ''))
  const path = typeof document['basePath'] === 'string' ? document['basePath'] : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '')
  if (servers.length > 1) warnings.push('The document has several servers; the path of the first is taken.')
  return path.startsWith('/') ? path.replace(/\/+$/, '') : ''
}

function pathOf(template: string): string | undefined {
  const segments = template.slice(1).split('/')
  const made = segments.map((segment, index) => {
    if (/^\{[A-Za-z0-9_-]+\}$/.test(segment)) return `{${segment.slice(1, -1).replaceAll('-', '_')}}`
    if (/^\{[+*][A-Za-z0-9_-]+\}$|^\{[A-Za-z0-9_-]+(\*|:path)\}$/.test(segment)) return index === segments.length - 1 ? '**' : undefined
    if (/^\{[A-Za-z0-9_-]+\}[A-Za-z0-9._~:@!$&'()+,=-]+$/.test(segment)) return `*${segment.replace(/^\{[^}]*\}/, '')}`
    return /^[A-Za-z0-9._~:@!$&'()+,=%-]*$/.test(segment) && (segment !== '' || index === segments.length - 1) && segment !== '.' && segment !== '..' ? segment : undefined
  })
  return made.every((segment) => segment !== undefined) ? `/${made.join('/')}` : undefined
}

function checkFields(members: Members, where: string): void {
  for (const name of Object.keys(members)) {
    if (name.startsWith('x-daypass-') && !known.has(name)) throw new Error(`${where} has ${name}, which is not known here. Import with the command line.`)
  }
}

// The nearest word counts: of the operation, its path, the document; on each level our own fields before security.
function accessOf(levels: Members[], name: string, warnings: string[]): Omit<Resource, 'match'> {
  const nearest = (field: string) => levels.find((level) => field in level)?.[field]
  const roles = strings(nearest('x-daypass-roles'), `${name}: x-daypass-roles`)
  const within = nearest('x-daypass-in')
  const ask = (scopes: string[]): Omit<Resource, 'match'> => {
    if (!scopes.length && !roles.length) return { access: 'authenticated' }
    return { require: { ...(scopes.length && { scopes }), ...(roles.length && { roles }), ...(roles.length && typeof within === 'string' && { in: within }) } }
  }
  for (const [depth, level] of levels.entries()) {
    if ('x-daypass-scopes' in level) return ask(strings(level['x-daypass-scopes'], `${name}: x-daypass-scopes`))
    const access = level['x-daypass-access']
    if (access !== undefined) {
      if (access === 'public' && !roles.length) return { access: 'public' }
      if (access === 'authenticated') return ask([])
      throw new Error(`${name}: x-daypass-access must be public or authenticated, and public goes with no roles.`)
    }
    if (!Array.isArray(level['security'])) continue
    const alternatives = level['security'].filter(isObject)
    const whole = depth === levels.length - 1
    if (level['security'].length === 0 && whole) break // many documents just do not say
    const bound = alternatives.filter((alternative) => Object.keys(alternative).length > 0)
    if (bound.length === 0) return roles.length ? ask([]) : { access: 'public' }
    if (bound.length < alternatives.length) warnings.push(`${name}: a pass is optional there and is needed here.`)
    if (bound.length > 1) warnings.push(`${name}: one of several alternatives is taken, the one with the most scopes.`)
    const scopes = bound.map((alternative) => [...new Set(Object.values(alternative).flatMap((list) => strings(list, name)))])
    const most = scopes.reduce((best, list) => (list.length > best.length ? list : best))
    return ask(most.map((scope) => written(scope, warnings)))
  }
  warnings.push(`${name}: the document does not say what it needs; any good pass is let in.`)
  return ask([])
}

function written(scope: string, warnings: string[]): string {
  if (/^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*$/.test(scope)) return scope
  const name = scope.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').replaceAll(/[^A-Za-z0-9_.-]+/g, ':').replace(/^:|:$/g, '')
  if (!name) throw new Error(`The scope ${JSON.stringify(scope)} cannot be written.`)
  const warning = `The scope ${scope} is written ${name}.`
  if (!warnings.includes(warning)) warnings.push(warning)
  return name
}

/** Concrete segments before parameters, these before the rest of a path; else by name. */
function specific(a: string, b: string): number {
  const left = a.split('/')
  const right = b.split('/')
  const weight = (segment: string | undefined) => (segment === undefined ? 0 : segment === '**' ? 3 : segment.startsWith('{') ? 2 : segment.startsWith('*') ? 1 : 0)
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = weight(left[i]) - weight(right[i])
    if (order) return order
    if (left[i] !== right[i] && weight(left[i]) === 0) return (left[i] ?? '') < (right[i] ?? '') ? -1 : 1
  }
  return 0
}

// Operations that a match cannot tell apart ask for what all of them need.
function unique(resources: Resource[], warnings: string[]): Resource[] {
  const byShape = new Map<string, Resource>()
  for (const resource of resources) {
    const shape = resource.match.replaceAll(/\{[^}]*\}/g, '{}')
    const other = byShape.get(shape)
    if (!other) {
      byShape.set(shape, resource)
      continue
    }
    warnings.push(`${resource.match} is there twice; it asks for what both need.`)
    const scopes = [...new Set([...(other.require?.scopes ?? []), ...(resource.require?.scopes ?? [])])]
    const roles = other.require?.roles ?? resource.require?.roles ?? []
    if (scopes.length || roles.length) {
      delete other.access
      other.require = { ...other.require, ...resource.require, ...(scopes.length && { scopes }), ...(roles.length && { roles }) }
    } else if (resource.access === 'authenticated') other.access = 'authenticated'
  }
  return [...byShape.values()]
}

function strings(value: unknown, where: string): string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw new Error(`${where} must be a list of texts.`)
  return value
}

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value)
