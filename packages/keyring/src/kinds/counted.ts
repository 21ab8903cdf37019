import type { Evidence } from '../decide/evidence.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { Version } from '../lifecycle/version.ts'
import type { Gate } from './kind.ts'

/**
 * What was made with a version, by an instance that had not heard of its demotion yet, may be on its way to where it is
 * counted.
 */
const onTheWayMs = 5_000

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
 */
export function untilNothingHangs(nouns: readonly [string, string], made: string) {
  return ({ policy }: Keyring, version: Version, { held }: Evidence, now: number): Gate => {
    const { demotedAt = now } = version
    if (!held) return openAt(demotedAt + policy.maxTokenTtlMs + policy.skewMs, `${made} ${version.id}`, now)
    const { count, until } = held.get(version.id) ?? { count: 0, until: null }
    if (count === 0) return openAt(demotedAt + onTheWayMs, `what was on its way when ${version.id} was demoted`, now)
    return { open: false, for: [`${count} ${nouns[count === 1 ? 0 : 1]}`], opensAt: until }
  }
}

function openAt(opensAt: number, party: string, now: number): Gate {
  return now >= opensAt ? { open: true } : { open: false, for: [party], opensAt }
}
