/**
 * A store in a directory of files, for software that has no database: each keyring is a folder of revisions. Where somebody
 * reads the outbox, all revisions that were not delivered are kept.
 */
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { isKeyringName, type Keyring, stamp } from '../lifecycle/keyring.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Policy } from '../policy/signing.ts'
import { deliveredUpTo } from './outbox.ts'
import { newestRevision, writeRevision } from './revisions.ts'
import { keyringsIn, newestSaved, type Saved } from './saved.ts'
import { type Change, type KeyringStore, nextDecisionAt } from './store.ts'

/**
 * @param folder made when missing, readable by its owner only
 * @throws KeyringError `STORE_DAMAGED` when a document cannot be read back; errors of the file system pass through
 */
export function directoryStore<P extends AnyPolicy = Policy>(folder: string, clock: Clock): KeyringStore<P> {
  // A name may come from a URL: one that climbs out of the folder names nothing here.
  const load = async (name: string) =>
    isKeyringName(name) ? (await newestSaved<P>(join(folder, name)))?.keyring : undefined
  return {
    load,
    list: async () => (await Promise.all((await keyringsIn(folder)).map(load))).flatMap((keyring) => keyring ?? []),
    due: async (now) => {
      const rows = await Promise.all((await keyringsIn(folder)).map((name) => newestSaved<P>(join(folder, name))))
      return rows.flatMap((row) => (row && row.dueAt !== null && row.dueAt <= now ? [row.keyring.name] : []))
    },
    save: (previous, next, change) => save(folder, previous, next, change, clock()),
    now: async () => clock(),
  }
}

async function save<P extends AnyPolicy>(
  store: string,
  previous: Keyring<P> | undefined,
  next: Keyring<P>,
  change: Change,
  now: number,
) {
  const folder = join(store, next.name)
  if ((await newestRevision(folder)) !== (previous?.revision ?? 0)) return undefined
  const keyring = stamp(previous, next, (previous?.revision ?? 0) + 1)
  const saved: Saved<P> = { keyring, dueAt: nextDecisionAt(keyring, now), change, savedAt: now }
  const delivered = () => deliveredUpTo(store, next.name)
  const won = await writeRevision(folder, keyring.revision, JSON.stringify(saved), delivered)
  return won ? keyring : undefined
}
