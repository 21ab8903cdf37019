import { type BackupManifest, type RootKeyList, readRootKeys } from '@rekey/database'
import { CliError } from '../error.ts'
import { homeOf } from '../estate/home.ts'
import type { Shell } from '../shell.ts'
import { namedDatabases } from './databases.ts'
import { newestFirst } from './words.ts'

type Around = Pick<Shell, 'env' | 'folder'>

/**
 * Do the root keys that are held open what is in a backup? Asked before anything is replaced: without them a restored database is
 * worth nothing.
 *
 * @throws CliError `ROOT_KEY_MISSING` when there are none, or others
 */
export async function requireRootKeys({ databases }: BackupManifest, shell: Around): Promise<void> {
  for (const { name, rootKeys, needs } of databases) {
    const wanted = newestFirst(rootKeys, needs.rootKeys)
    if (wanted.length === 0) continue
    const source = sourceOf(name, shell)
    const held = (await readHeld(source, name, shell)).map(({ id }) => id)
    const missing = wanted.filter((id) => !held.includes(id))
    if (missing.length === 0) continue
    const what = `the backup of ${name} is sealed under root key ${missing.join(', ')}, and ${source} has ${held.join(', ')}`
    throw new CliError(
      'ROOT_KEY_MISSING',
      `${what}: put the root keys there that were in use then. Nothing was changed`,
      {
        database: name,
        missing,
      },
    )
  }
}

async function readHeld(source: string, name: string, { env }: Around): Promise<RootKeyList> {
  try {
    return await readRootKeys(source, env)
  } catch (cause) {
    throw new CliError(
      'ROOT_KEY_MISSING',
      `the root keys of ${name} cannot be read from ${source}`,
      { source },
      { cause },
    )
  }
}

function sourceOf(name: string, { env, folder }: Around): string {
  if (namedDatabases({ env }) === undefined) {
    const home = homeOf(env, folder)
    return `file:${name === 'bff' ? home.bff.rootKeyFile : home.rootKeyFile}`
  }
  const variable = name === 'bff' ? 'BFF_ROOT_KEY' : 'REKEY_ROOT_KEY'
  const source = env[variable]
  if (source) return source
  const message = `${variable} is not set: name the root keys of ${name}, so that they are held against the backup`
  throw new CliError('WRONG_USE', message)
}
