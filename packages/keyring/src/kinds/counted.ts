import type { Evidence } from '../decide/evidence.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { Version } from '../lifecycle/version.ts'
import type { Gate } from './kind.ts'

/**
 * What was made with a version, by an instance that had not heard of its demotion yet, may be on its way to where it is
 * counted. Whoever counts must see to it that it has arrived by then, or never does.
 */
const onTheWayMs = 10_000

/** A request that bears what a version made is answered by then, or was lost. */
export const underWayMs = 30_000

/** Who produces is who accepts: nobody but our own instances has to hold a version before it is used. */
export function servedEverywhere(_keyring: Keyring, { servedAt }: Version): Gate {
  return servedAt === undefined ? { open: false, for: ['every instance to serve it'], opensAt: null } : { open: true }
}

/**
 * Open when nothing hangs on a version any more: counted where it can be, and otherwise by the longest life of what can have
 * been made with it.
 *
 * @param nouns what hangs on it where that is counted: one of it, several
 * @param made what hangs on it where nobody can count it
 * @param restMs for how long it is kept when nothing hangs on it any more
 */
export function untilNothingHangs(nouns: readonly [string, string], made: string, restMs = 0) {
  return ({ policy }: Keyring, version: Version, { held, heldAt }: Evidence, now: number): Gate => {
    const { id, demotedAt = now } = version
    if (!held) return openAt(demotedAt + policy.maxTokenTtlMs + policy.skewMs, `${made} ${id}`, now)
    const { count, until } = held.get(id) ?? { count: 0, until: null }
    if (count > 0) return { open: false, for: [`${count} ${nouns[count === 1 ? 0 : 1]}`], opensAt: until }
    const arrived = openAt(demotedAt + onTheWayMs, `what was on its way when ${id} was demoted`, heldAt ?? now)
    return arrived.open && restMs > 0 ? atRest(version, restMs, now) : arrived
  }
}

function atRest({ id, emptiedAt }: Version, restMs: number, now: number): Gate {
  const gate = openAt((emptiedAt ?? now) + restMs, `requests with what ${id} made that were under way`, now)
  return gate.open ? gate : { ...gate, isEmptied: true }
}

function openAt(opensAt: number, party: string, now: number): Gate {
  return now >= opensAt ? { open: true } : { open: false, for: [party], opensAt }
}
