import type { components } from '../../../../sdk/js/src/api.gen'

/** What the API speaks of, by the names of api/openapi.yaml: `Schemas['Key']`. */
export type Schemas = components['schemas']
export type Claims = Schemas['Claims']
export type Grant = Schemas['Grant']
