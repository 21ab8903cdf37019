import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { CliError } from '../error.ts'
import { type Home, homeOf } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

/**
 * Makes the key that seals all others at the first start: 32 random bytes as hex, mode 0600. An existing one is never
 * touched, whatever it looks like: what it sealed cannot be opened without it, and the IdP checks it.
 *
 * @param path the key's file in the estate's home
 * @throws CliError `ROOT_KEY_MISSING` when the home was started before: a new key would open nothing of what it has
 */
export function ensureRootKey(path: string): void {
  if (readIfPresent(path) !== undefined) return
  const home = homeOf({ REKEY_HOME: dirname(path) }, '/')
  if (wasStarted(home)) throw lost(path, home)
  writePrivateFile(path, `${randomBytes(32).toString('hex')}\n`)
}

// Both are made after the key. The clients alone are there where DATABASE_URL names the database.
function wasStarted(home: Home): boolean {
  return readIfPresent(home.clientsFile) !== undefined || hasDatabase(home)
}

function hasDatabase(home: Home): boolean {
  try {
    return readdirSync(home.databasesFolder).length > 0
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw cause
  }
}

function lost(path: string, home: Home): CliError {
  return new CliError(
    'ROOT_KEY_MISSING',
    `${path} is missing, and this home has a database already: restore it from your backup. Without it the sealed keys ` +
      'in the database cannot be opened. To begin anew, set REKEY_HOME to another folder',
    { path, home: home.folder },
  )
}
