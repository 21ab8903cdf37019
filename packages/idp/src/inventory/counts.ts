/** How many stored secrets there are, for whoever asks: a list of a million is read in many pages, each of which tells it. */
import { type Clock, monotonicClock } from '../clock.ts'
import type { OrganizationCounts, Sight } from './stored.ts'

/** Counting that is over as soon as that is done anew for everybody. */
const shortMs = 100
/** Of the database's time counting takes no more than this share, however many ask. */
const mostShare = 0.05

/** Counts those of all organizations, each apart. */
export type StoredCounts = () => Promise<OrganizationCounts[]>

/**
 * One count at a time serves everybody who asks meanwhile, and one that took long also those who ask soon after: 20 times as long as it
 * took.
 */
export function storedCounts(count: StoredCounts, elapsed: Clock = monotonicClock): StoredCounts {
  let known: { counts: Promise<OrganizationCounts[]>; until: number } | undefined

  function begin(): Promise<OrganizationCounts[]> {
    const began = elapsed()
    const counts = count()
    const mine = { counts, until: Number.POSITIVE_INFINITY }
    known = mine
    const ended = (spent: number) => {
      mine.until = spent > shortMs ? elapsed() + spent / mostShare : Number.NEGATIVE_INFINITY
    }
    counts.then(
      () => ended(elapsed() - began),
      () => ended(0),
    )
    return counts
  }

  return () => (known && elapsed() < known.until ? known.counts : begin())
}

/** Those of them that somebody may see. */
export function seenBy(sight: Sight, counts: readonly OrganizationCounts[]): OrganizationCounts[] {
  return counts.filter(({ organization }) =>
    organization === null ? sight.withEstate : organization === sight.organization,
  )
}
