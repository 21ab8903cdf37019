import { setTimeout as delay } from 'node:timers/promises'
import { addRootKey } from '@rekey/database'
import type { ManagementClient } from '../client/management.ts'
import { listRootKeys, type RootKeyView } from '../client/root-keys.ts'
import { CliError } from '../error.ts'
import { changeRootKeys, rootKeyFile } from '../estate/root-key-file.ts'
import type { Shell } from '../shell.ts'

const takenWithinMs = 20_000
const lookEveryMs = 200

/**
 * Puts a new root key before the others of the estate in this home, and waits until every instance seals by it.
 *
 * @returns the keys as the IdP knows them then
 * @throws CliError `FAILED` when instances do not take it; it stays in the file
 */
export async function addKey(client: ManagementClient, shell: Shell): Promise<RootKeyView[]> {
  const path = rootKeyFile(shell)
  const before = (await listRootKeys(client)).map(({ id }) => id)
  changeRootKeys(path, addRootKey)
  const until = shell.now() + takenWithinMs
  for (;;) {
    const keys = await listRootKeys(client)
    const sealing = keys.find((key) => key.sealing)
    if (sealing && !before.includes(sealing.id)) return keys
    if (shell.now() > until) throw notTaken(path)
    await delay(lookEveryMs, undefined, { signal: shell.interruption() })
  }
}

function notTaken(path: string): CliError {
  const message =
    `a new root key is in ${path}, but not every instance has taken it within ${takenWithinMs / 1_000} s: "rekey root-key list" ` +
    'shows who holds which'
  return new CliError('FAILED', message, { path })
}
