export { type Config, configVariables } from './config.ts'
export { BffError, type BffErrorCode } from './error.ts'
export { migrations } from './migrations.ts'
export { type RotatedKeys, rotateKeys } from './provider/keys/rotate-keys.ts'
