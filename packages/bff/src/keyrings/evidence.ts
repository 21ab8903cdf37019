import { databaseNow, type InstanceView } from '@rekey/database'
import type { Evidence, Held, Keyring } from '@rekey/keyring'
import { liveInstances } from '@rekey/service'
import { sessionsBy } from '../sessions/end.ts'
import type { BffDatabase } from '../tables.ts'

/** Where sessions name the version of a keyring that they hang on. What hangs on other keyrings is over by the clock alone. */
const counted = { session: 'sealed_by', 'token-hash': 'salt_version' } as const

/** Is it counted what hangs on the versions of a keyring? */
export function isCounted(name: string): name is keyof typeof counted {
  return Object.hasOwn(counted, name)
}

/**
 * What is known about the parties to one of the own keyrings: the instances, and the sessions that hang on its versions. Nobody
 * else accepts what it makes.
 *
 * @param keyring was read before: what hangs on the versions that it calls demoted can only become less
 */
export async function evidenceFor(
  db: BffDatabase,
  view: Pick<InstanceView, 'live'>,
  keyring: Pick<Keyring, 'name'>,
): Promise<Evidence> {
  const hanging = isCounted(keyring.name) ? await countedNow(db, keyring.name) : {}
  // Last, because it looks at the clock: a step made while the others were read is noticed.
  return { instances: await liveInstances(view), verifiers: [], ...hanging }
}

/** The clock is asked first: what is written while it is counted may be missing. */
async function countedNow(db: BffDatabase, name: keyof typeof counted): Promise<Pick<Evidence, 'held' | 'heldAt'>> {
  const heldAt = await databaseNow(db)
  return { held: await sessionsBy(db, counted[name]), heldAt }
}

/** By version, how many live sessions hang on it, and until when. Nothing where that is not counted. */
export async function heldBy(db: BffDatabase, name: string): Promise<ReadonlyMap<string, Held> | undefined> {
  return isCounted(name) ? sessionsBy(db, counted[name]) : undefined
}
