import { statSync } from 'node:fs'
import type { Of } from '../client/management.ts'
import { CliError } from '../error.ts'
import type { Shell } from '../shell.ts'
import { homeOf } from './home.ts'
import { Lock } from './lock.ts'
import { readIfPresent, writePrivateFile } from './private-file.ts'

/**
 * The file of the root keys of the estate that runs in this home: of the IdP, or of its backend for frontend.
 *
 * @throws CliError `WRONG_USE` when the estate is elsewhere, `ROOT_KEY_MISSING` when there is none
 */
export function rootKeyFile({ env, folder }: Pick<Shell, 'env' | 'folder'>, of?: Of): string {
  const home = homeOf(env, folder)
  if (env.REKEY_IDP) throw elsewhere('the estate is elsewhere (REKEY_IDP)')
  if (of === undefined) return existing(home.rootKeyFile, 'there is no estate in this home')
  if (env.REKEY_BFF) throw elsewhere('another backend for frontend is named (REKEY_BFF, or --bff with its URL)')
  return existing(home.bff.rootKeyFile, 'there is no backend for frontend in this home')
}

function elsewhere(what: string): CliError {
  const way =
    'name it by --source (file:/path or vault:PATH, as REKEY_ROOT_KEY does there), or put a new key (openssl rand -hex 32) ' +
    'before the old one in the file that REKEY_ROOT_KEY names there, on every instance'
  return new CliError('WRONG_USE', `${what}, and so is its root key: ${way}. It is taken without a restart`)
}

function existing(path: string, otherwise: string): string {
  if (readIfPresent(path) !== undefined) return path
  throw new CliError('ROOT_KEY_MISSING', `${path} does not exist: ${otherwise}`, { path })
}

/**
 * Changes the file in one step: no instance reads half of it, and nobody changes it between.
 *
 * @throws CliError `WRONG_USE` when it is another user's, who could not read what is written in its place; `FAILED` while
 *   another command changes it
 */
export function changeRootKeys(path: string, change: (text: string) => string): void {
  if (statSync(path).uid !== process.getuid?.()) {
    throw new CliError('WRONG_USE', `${path} belongs to another user: do this as the one who runs the estate`, { path })
  }
  const lock = lockOf(path)
  try {
    writePrivateFile(path, change(readIfPresent(path) ?? ''))
  } finally {
    lock.release()
  }
}

function lockOf(path: string): Lock {
  try {
    return Lock.acquire(`${path}.lock`, process.pid)
  } catch (cause) {
    if (!(cause instanceof CliError && cause.code === 'ESTATE_RUNNING')) throw cause
    throw new CliError('FAILED', `another command is changing ${path}: nothing was changed; try again`, { path })
  }
}
