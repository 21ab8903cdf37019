import { DatabaseError } from '../error.ts'
import type { Newest } from './ledger.ts'
import type { InstanceRow } from './row.ts'
import { shared } from './shared.ts'

/** What a wait for other instances looks at. */
export interface Looks {
  /** The instances that have to be waited for. */
  live(): Promise<InstanceRow[]>
  newest(): Promise<Newest>
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
  const live = shared(looks.live)
  const newest = shared(looks.newest)
  return async (revision, epoch) => {
    while ((await live()).some(({ applied }) => applied < revision)) {
      // Whoever asks has seen it committed: a database that has not reached it went back.
      const reached = await newest()
      if (reached.n < revision || reached.epoch > epoch) throw restored()
      await looks.stirred()
    }
  }
}

function restored(): DatabaseError {
  return new DatabaseError(
    'TRY_AGAIN',
    'a new epoch began while it was waited for every instance, perhaps because a backup was restored: see whether the ' +
      'change still stands',
  )
}
