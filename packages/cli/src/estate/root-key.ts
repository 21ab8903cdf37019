import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { CliError } from '../error.ts'
import { type BffHome, type Home, homeOf } from './home.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

/**
 * Makes the key that seals all others at the first start: 32 random bytes as hex, mode 0600. An existing one is never
 * touched, whatever it looks like: what it sealed cannot be opened without it, and the IdP checks it.
 *
 * @param path the key's file in the estate's home
 * @throws CliError `ROOT_KEY_MISSING` when the home was started before: a new key would open nothing of what it has
 */
export function ensureRootKey(path: string): void {
  const home = homeOf({ REKEY_HOME: dirname(path) }, '/')
  ensureKey(path, wasStarted(home))
}

/** The same for the key of the backend for frontend, which opens nothing of the IdP's. */
export function ensureBffRootKey({ rootKeyFile, keysFolder }: BffHome): void {
  // Made after the key.
  ensureKey(rootKeyFile, existsSync(keysFolder))
}

function ensureKey(path: string, isUsed: boolean): void {
  if (readIfPresent(path) !== undefined) return
  if (isUsed) throw lost(path)
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

function lost(path: string): CliError {
  return new CliError(
    'ROOT_KEY_MISSING',
    `${path} is missing, and this home has a database already: restore it from your backup. Without it the sealed keys ` +
      'in the database cannot be opened. To begin anew, set REKEY_HOME to another folder',
    { path, home: dirname(path) },
  )
}
