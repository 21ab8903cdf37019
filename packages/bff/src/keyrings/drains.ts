import { carryOut, type Hands, type Keyring, type Version } from '@rekey/keyring'
import { every } from '@rekey/service'
import type { Bff } from '../bff.ts'
import { endSessionsSealedBy } from '../sessions/end.ts'
import { isCounted } from './evidence.ts'

const countEveryMs = 5_000
const sweepEveryMs = 1_000
/** What was on its way when a version was revoked has arrived by then. */
const onTheWayMs = 10_000

type Parts = Pick<Bff, 'connection' | 'log'> & {
  keyrings: Pick<Bff['keyrings'], 'documents'>
  view: Pick<Bff['view'], 'held' | 'databaseNow' | 'everywhere'>
  hands: Hands
}

/**
 * Looks again and again at what hangs on versions that are replaced, and lets go of those that nothing hangs on: the store knows
 * only by when that is so at the latest. Ends the sessions that hang on a version that was revoked.
 *
 * @returns ends it
 */
export function watchDrains(parts: Parts): () => Promise<void> {
  const { view, log } = parts
  const sweep = revokedSweep(parts)
  const whileHeld = (act: () => Promise<unknown>) => async () => (view.held() ? act() : undefined)
  const ends = [
    every(
      countEveryMs,
      whileHeld(() => letGo(parts)),
      (error) => log.error({ err: error }, 'what is drained could not be found out'),
    ),
    every(sweepEveryMs, whileHeld(sweep), (error) =>
      log.error({ err: error }, 'sessions of a revoked version could not be ended'),
    ),
  ]
  return async () => {
    await Promise.all(ends.map((end) => end()))
  }
}

/** Retires what nothing hangs on any more. */
async function letGo({ keyrings, hands }: Parts): Promise<void> {
  const draining = [...keyrings.documents().values()].filter(
    ({ name, versions }) => isCounted(name) && drains(versions),
  )
  for (const { name } of draining) await carryOut(name, hands)
}

const drains = (versions: Keyring['versions']) =>
  versions.some(({ state, demotedAt }) => state === 'retiring' && demotedAt !== undefined)

/**
 * Ends sessions that hang on a revoked version of keyring `session`. Their cookies are refused already, by every instance that
 * has applied the revocation; this is so that they are gone.
 */
function revokedSweep({ keyrings, view, connection }: Omit<Parts, 'hands' | 'log'>): () => Promise<void> {
  const swept = new Set<string>()
  return async () => {
    const revoked = (keyrings.documents().get('session')?.versions ?? []).filter(isToSweep)
    if (revoked.length === 0) return
    const longAgo = view.databaseNow() - onTheWayMs
    await endSessionsSealedBy({ connection, view }, idsOf(revoked), 'rekey')
    for (const version of revoked.filter(({ revokedAt = 0 }) => revokedAt < longAgo)) swept.add(revocationOf(version))
  }

  function isToSweep(version: Version): boolean {
    return version.state === 'revoked' && !swept.has(revocationOf(version))
  }
}

/** A restored backup brings sessions back of a version that is revoked once more: these are ended once more. */
const revocationOf = ({ id, revokedAt }: Version) => `${id} ${revokedAt}`

const idsOf = (versions: readonly Version[]) => versions.map(({ id }) => id)
