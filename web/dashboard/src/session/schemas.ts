import type { components } from '@daypass/client'

export type { Claims, Grant } from '@daypass/client'

/** What the API speaks of, by the names of api/openapi.yaml: `Schemas['Key']`. */
export type Schemas = components['schemas']
