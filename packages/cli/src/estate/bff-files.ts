import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { Clients } from './clients.ts'
import type { BffHome } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'
import { ensureBffRootKey } from './root-key.ts'

/**
 * Makes what the backend for frontend starts with: a root key of its own, a folder for the key that it authenticates by, the
 * secret that it asks about tokens by, and the token by which the IdP has it end sessions.
 *
 * @throws CliError `ROOT_KEY_MISSING`
 */
export function ensureBffFiles(home: BffHome, { bff }: Pick<Clients, 'bff'>): void {
  mkdirSync(home.folder, { recursive: true, mode: 0o700 })
  ensureBffRootKey(home)
  if (readIfPresent(home.adminTokenFile) === undefined) {
    writePrivateFile(home.adminTokenFile, `${randomBytes(32).toString('base64url')}\n`)
  }
  mkdirSync(home.keysFolder, { recursive: true, mode: 0o700 })
  // Where it begins with the newest, the one behind that may still be in its overlap.
  const [newest] = (readIfPresent(home.clientSecretFile) ?? '').split('\n')
  if (newest !== bff.clientSecret) writePrivateFile(home.clientSecretFile, `${bff.clientSecret}\n`)
}
