import type { Folder } from '../files/folder.ts'
import type { ClientOptions } from '../options/client-options.ts'
import type { Ports } from '../ports.ts'
import type { Send } from '../provider/request.ts'

/** What every step of a bootstrap has at hand. */
export interface Context {
  readonly options: ClientOptions
  readonly ports: Ports
  readonly folder: Folder
  readonly send: Send
  /** The thumbprint of the key before this process waited for the folder. */
  readonly keyBefore: string | undefined
  /** Asked before every change: another process may have taken over. @throws RegistrationError LOCKED */
  readonly assertHeld: () => Promise<void>
}
