/**
 * Real faults on real processes: PostgreSQL, instances of the identity provider and APIs, each a process, under load.
 * While a fault lasts, everything seen is recorded; at the end what was answered must be true, the recording must show
 * no breach of the invariants (`record/invariants.ts`), and all must have come to rest with nobody's help.
 *
 * Most of a scenario is waiting for leases, so several go on at the same time.
 */
import { describe, it } from 'node:test'
import { bffDatabaseAway, bffProviderAway } from './scenarios/bff-away.ts'
import { bffKilled } from './scenarios/bff-killed.ts'
import { operatorsKilled, othersAstray, providerKilled } from './scenarios/break-glass.ts'
import { clockOfDatabase, clockOfInstance, clockOfVerifier } from './scenarios/clock-set.ts'
import { killedInRevocations, killedInRotations } from './scenarios/crash.ts'
import { cutFromDatabase } from './scenarios/cut-from-database.ts'
import { cutFromFeed } from './scenarios/cut-from-feed.ts'
import { databaseDiskFull, stateDiskFull } from './scenarios/disk-full.ts'
import { pausedInstance } from './scenarios/paused-instance.ts'
import { pausedVerifier } from './scenarios/paused-verifier.ts'
import { serverKilled } from './scenarios/server-killed.ts'

/** More at once, and two cores are kept busy by starting processes. */
const atOnce = 4
/** Whatever is waited for has a deadline of its own, and says what did not come. This ends what hangs. */
const timeout = 900_000

/** Each kill costs a lease, for which the rest waits: 50 rounds are shared out among estates. */
const rounds = [13, 13, 12, 12]
/** Each costs a lease as well. */
const bffRounds = Number(process.env.FAULTS_BFF_ROUNDS ?? 12)

describe('whatever happens, what was answered stays true and nobody has to help', { concurrency: atOnce }, () => {
  for (const [index, count] of rounds.entries()) {
    const which = `estate ${index + 1} of ${rounds.length}, ${count} rounds`
    it(`kill -9 of an instance at any moment: every rotation is completed (${which})`, { timeout }, (t) =>
      killedInRotations(t, count),
    )
  }
  it(
    'a compromised key is shut out though whoever does it is killed at each step, or does it with somebody else',
    { timeout },
    operatorsKilled,
  )
  it(
    'a compromised key is shut out though instances, the database or all of it are killed meanwhile',
    { timeout },
    providerKilled,
  )
  it(
    'a compromised key is shut out though APIs are away, still or lying, nothing is chained, or clocks differ',
    { timeout },
    othersAstray,
  )
  it(
    'a rotation waits for a verifier that is cut off until its lease is over, a revocation does not',
    { timeout },
    cutFromFeed,
  )
  it(
    'a verifier whose clock is set ahead or back accepts nothing revoked, and keeps to its lease',
    { timeout },
    clockOfVerifier,
  )
  it('a revocation is carried out though the instance that was asked is killed', { timeout }, (t) =>
    killedInRevocations(t, 6),
  )
  it('kill -9 of PostgreSQL under load and in rotations loses nothing that was answered', { timeout }, serverKilled)
  it('a verifier does not acknowledge what it cannot store, and refuses it all the same', { timeout }, stateDiskFull)
  it('a full disk of PostgreSQL loses nothing, and when there is room all goes on', { timeout }, databaseDiskFull)
  it('kill -9 of a replica of the backend for frontend logs nobody out, and refuses no form', { timeout }, (t) =>
    bffKilled(t, bffRounds),
  )
  it(
    'PostgreSQL of the backend for frontend is away for a while, and nobody is logged out',
    { timeout },
    bffDatabaseAway,
  )
  it(
    'the provider is away from the backend for frontend for a while, and nobody is logged out',
    { timeout },
    bffProviderAway,
  )
  it(
    'an instance that is cut off from PostgreSQL signs nothing after its lease, and the other goes on',
    { timeout },
    cutFromDatabase,
  )
  it(
    'an instance whose clock is set ahead or back has no lease at once, and takes part as before',
    { timeout },
    clockOfInstance,
  )
  it('a database whose clock is set ahead or back completes rotations and revocations', { timeout }, clockOfDatabase)
  it('an instance that was stopped past its lease answers nothing of before when it wakes', { timeout }, pausedInstance)
  it(
    'a verifier that was stopped past its lease refuses a revoked key from its first answer',
    { timeout },
    pausedVerifier,
  )
})
