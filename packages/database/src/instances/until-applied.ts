import { DatabaseError } from '../error.ts'
import type { Newest } from './ledger.ts'
import type { InstanceRow } from './row.ts'
import { shared } from './shared.ts'

/** What a wait for other instances looks at. */
export interface Looks {
  /** The instances that have to be waited for, and the newest revision as they were read. */
  look(): Promise<{ live: InstanceRow[]; newest: Newest }>
  /** Where this instance itself stands, and how often it has confirmed that; nothing without a lease. */
  here(): { epoch: number; applied: number; confirmations: number } | undefined
  /** Resolves when something may have changed. */
  stirred(): Promise<void>
}

/**
 * Waits until every live instance has applied a revision, or has lost its lease. What is looked at is shared by all who wait: there
 * may be hundreds, and each stir wakes them all.
 *
 * @returns waits for a revision of an epoch; rejects with DatabaseError `TRY_AGAIN` when another one began meanwhile
 */
export function untilApplied(looks: Looks): (revision: number, epoch: number) => Promise<void> {
  const look = shared(looks.look)
  return async (revision, epoch) => {
    await caughtUp(looks, revision, epoch)
    for (;;) {
      const { live, newest } = await look()
      if (live.every(({ applied }) => applied >= revision)) return
      // Whoever asks has seen it committed: a database that has not reached it went back.
      if (newest.n < revision || newest.epoch > epoch) throw restored()
      await looks.stirred()
    }
  }
}

/** This instance has to be waited for too, and need not look to know that it is not there yet. */
async function caughtUp({ here, stirred }: Looks, revision: number, epoch: number): Promise<void> {
  // The second confirmation from here on is of a round that began after this: what it did not find is not there.
  const last = (here()?.confirmations ?? 0) + 2
  for (;;) {
    const now = here()
    if (!now || now.epoch !== epoch || now.applied >= revision || now.confirmations >= last) return
    await stirred()
  }
}

function restored(): DatabaseError {
  return new DatabaseError(
    'TRY_AGAIN',
    'a new epoch began while it was waited for every instance, perhaps because a backup was restored: see whether the ' +
      'change still stands',
  )
}
