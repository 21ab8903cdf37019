export type { Config } from './config.ts'
export { BffError, type BffErrorCode } from './error.ts'
export { migrations } from './migrations.ts'
