export type { components, operations, paths } from './api.gen.js'
export { Daypass, type DaypassOptions, type Exchange, type Login, type UserAuth } from './daypass.js'
export { DaypassError } from './errors.js'
export type { Claims, Grant, TokenOptions } from './pass.js'
