// A small part of JSON Schema (2020-12): what docs/resources.schema.json is written in.

export type Schema = {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  propertyNames?: Schema
  required?: string[]
  dependentRequired?: Record<string, string[]>
  items?: Schema
  minItems?: number
  maxItems?: number
  minimum?: number
  maximum?: number
  maxLength?: number
  pattern?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  not?: Schema
  $defs?: Record<string, Schema>
  description?: string
}

export type Path = (string | number)[]
export type Fault = { path: Path; message: string }

/** What is wrong with a value, the outermost first; at most `most` faults. */
export function faults(root: Schema, value: unknown, most = 50): Fault[] {
  const patterns = new Map<string, RegExp>()
  const pattern = (source: string) => {
    const known = patterns.get(source) ?? new RegExp(source, 'u')
    patterns.set(source, known)
    return known
  }
  const deref = (schema: Schema): Schema => {
    if (!schema.$ref) return schema
    const { $ref, ...rest } = schema
    return { ...root.$defs?.[$ref.replace('#/$defs/', '')], ...rest }
  }

  const look = (given: Schema, value: unknown, path: Path): Fault[] => {
    const schema = deref(given)
    const fault = (message: string): Fault[] => [{ path, message }]

    if (schema.type !== undefined) {
      const types = [schema.type].flat()
      if (!types.some((type) => isOf(type, value))) return fault(`this must be ${types.map(named).join(' or ')}, and is ${named(typeOf(value))}`)
    }
    if (schema.enum && !schema.enum.includes(value)) return fault(`this must be one of: ${schema.enum.join(', ')}`)
    if ('const' in schema && value !== schema.const) return fault(`this can only be ${String(schema.const)}`)

    const found: Fault[] = []
    if (typeof value === 'string') {
      if (schema.pattern && !pattern(schema.pattern).test(value)) found.push(...fault(schema.description ? `this is not right. ${schema.description}` : `this does not have the form ${schema.pattern}`))
      if (schema.maxLength !== undefined && value.length > schema.maxLength) found.push(...fault(`this may have ${schema.maxLength} characters`))
    }
    if (typeof value === 'number') {
      if (schema.minimum !== undefined && value < schema.minimum) found.push(...fault(`this must be at least ${schema.minimum}`))
      if (schema.maximum !== undefined && value > schema.maximum) found.push(...fault(`this may be at most ${schema.maximum}`))
    }
    if (Array.isArray(value)) {
      if (schema.minItems !== undefined && value.length < schema.minItems) found.push(...fault('this list must not be empty'))
      if (schema.maxItems !== undefined && value.length > schema.maxItems) found.push(...fault(`this list may have ${schema.maxItems} entries`))
      if (schema.items) for (const [index, item] of value.entries()) found.push(...look(schema.items, item, [...path, index]))
    }
    if (isObject(value)) found.push(...members(schema, value, path))

    if (schema.anyOf && found.length === 0) {
      const all = schema.anyOf.map((one) => look(one, value, path))
      if (!all.some((one) => one.length === 0)) {
        const needed = schema.anyOf.every((one) => one.required) && schema.anyOf.flatMap((one) => one.required ?? [])
        // The alternative that fits best is the one that was meant.
        if (needed) found.push(...fault(`this needs ${needed.join(', ')}: one of them`))
        else found.push(...all.sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0]!)
      }
    }
    if (schema.not) {
      const alternatives = schema.not.anyOf ?? [schema.not]
      for (const one of alternatives) {
        if (look(one, value, path).length === 0) found.push(...fault(`${(one.required ?? []).join(' and ')} do not go together`))
      }
    }
    return found
  }

  const members = (schema: Schema, value: Record<string, unknown>, path: Path): Fault[] => {
    const found: Fault[] = []
    for (const name of schema.required ?? []) {
      if (!(name in value)) found.push({ path, message: `${name} is missing` })
    }
    for (const [name, needed] of Object.entries(schema.dependentRequired ?? {})) {
      if (name in value) for (const other of needed) if (!(other in value)) found.push({ path: [...path, name], message: `${name} needs ${other} beside it` })
    }
    for (const [name, member] of Object.entries(value)) {
      const at = [...path, name]
      if (schema.propertyNames) found.push(...look(schema.propertyNames, name, at))
      const known = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
      if (known) found.push(...look(known, member, at))
      else if (schema.additionalProperties === false) found.push({ path: at, message: `unknown field "${name}"; known here are: ${Object.keys(schema.properties ?? {}).join(', ')}` })
      else if (typeof schema.additionalProperties === 'object') found.push(...look(schema.additionalProperties, member, at))
    }
    return found
  }

  return look(root, value, []).slice(0, most)
}

const depth = (found: Fault[]) => Math.max(...found.map((fault) => fault.path.length))
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function isOf(type: string, value: unknown): boolean {
  const is = typeOf(value)
  return is === type || (type === 'number' && is === 'integer')
}

function named(type: string): string {
  return { array: 'a list', object: 'an object', string: 'text', integer: 'a whole number', number: 'a number', boolean: 'true or false', null: 'empty' }[type] ?? type
}
