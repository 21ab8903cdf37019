export { ensureRegistered, type Failed, type NotAsked, type Ready, type Registered } from './ensure.ts'
export { RegistrationError, type RegistrationErrorCode } from './error.ts'
export { type Announcing, type FolderKeys, folderKeys, type HeldKey, heldKey, type Kept, keepKey } from './keep.ts'
export type { Jwk, JwkSet } from './keys/jwk.ts'
export type {
  ClientOptions,
  GivenOptions,
  KeyAlgorithm,
  RedirectMode,
  RegistrationOptions,
  RotationOptions,
  Skipped,
} from './options/client-options.ts'
export { optionsFromEnvironment } from './options/environment.ts'
export type { Environment } from './options/values.ts'
export type { Log, LogLevel, Ports } from './ports.ts'
export { stampOf } from './rotation/kid.ts'
