export type { paths } from './api.gen'
