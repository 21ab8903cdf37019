import { readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { rootKeyIds } from '@rekey/database'
import { type ManagementClient, type Of, optionOf } from '../client/management.ts'
import { listRootKeys, type RootKeyView } from '../client/root-keys.ts'
import { CliError } from '../error.ts'
import { rootKeyFile } from '../estate/root-key-file.ts'
import type { Shell } from '../shell.ts'
import { type RootKeyPlace, rootKeyPlace } from './place.ts'

const takenWithinMs = 20_000
const lookEveryMs = 200
/** One that stood in the file for longer may have been read there by whoever read the store. */
const freshForMs = 3_600_000

type Around = Pick<Shell, 'env' | 'folder' | 'now' | 'interruption'>

/**
 * Puts a new root key before the others, of the estate in this home or in a place that is given, and waits until every instance
 * seals by it.
 *
 * @returns the keys as the service knows them then
 * @throws CliError `FAILED` when instances do not take it; it stays where it was put
 */
export async function addKey(
  client: ManagementClient,
  shell: Around,
  of?: Of,
  place: RootKeyPlace = rootKeyPlace(shell, of),
): Promise<RootKeyView[]> {
  // Whoever cannot be asked takes none, and each further try would put one more there.
  await listRootKeys(client, of)
  await place.add()
  return newestTaken(place, client, shell, of)
}

/** The same, unless that was done a moment ago and no key was sealed by it yet: whoever tries again needs no other one. */
export async function ensureFreshKey(client: ManagementClient, shell: Around): Promise<RootKeyView[]> {
  const path = rootKeyFile(shell)
  const [newest, ...older] = rootKeyIds(readFileSync(path, 'utf8'))
  const wasChanged = shell.now() - statSync(path).mtimeMs < freshForMs
  // The IdP may not have seen it yet.
  const known = (await listRootKeys(client)).find(({ id }) => id === newest) ?? { keys: 0 }
  const isFresh = older.length > 0 && wasChanged && known.keys === 0
  return isFresh ? newestTaken(rootKeyPlace(shell), client, shell) : addKey(client, shell)
}

async function newestTaken(
  place: RootKeyPlace,
  client: ManagementClient,
  shell: Around,
  of?: Of,
): Promise<RootKeyView[]> {
  const [newest] = await place.ids()
  const until = shell.now() + takenWithinMs
  for (;;) {
    const keys = await listRootKeys(client, of)
    if (keys.some(({ id, sealing }) => id === newest && sealing)) return keys
    if (shell.now() > until) throw notTaken(place.name, of)
    await delay(lookEveryMs, undefined, { signal: shell.interruption() })
  }
}

function notTaken(place: string, of: Of): CliError {
  const message =
    `a new root key is in ${place}, but not every instance has taken it within ${takenWithinMs / 1_000} s: "rekey root-key ` +
    `list${optionOf(of)}" shows who holds which`
  return new CliError('FAILED', message, { place })
}
