/** The backend for frontend, as the command line and deployments need it; its process is `main.ts`. */
export { type Config, configVariables } from './config.ts'
export { BffError, type BffErrorCode } from './error.ts'
export { endedByRestore, migrations } from './migrations.ts'
export { type RotatedKeys, rotateKeys } from './provider/keys/rotate-keys.ts'
