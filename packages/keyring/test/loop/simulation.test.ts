import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { runs } from '../samples.ts'
import { type Estate, openEstate } from './estate.ts'

type Happening = (estate: Estate) => Promise<void>

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: named('a loop looks', (estate) => estate.runLoop()) },
  { weight: 4, arbitrary: numbered('an instance applies', 3, (estate, index) => estate.syncInstance(index)) },
  { weight: 3, arbitrary: numbered('a verifier fetches', 2, (estate, index) => estate.syncVerifier(index)) },
  { weight: 2, arbitrary: named('everybody reads', (estate) => estate.syncAll()) },
  { weight: 5, arbitrary: numbered('time passes', 600, (estate, ms) => estate.passTime(ms)) },
  { weight: 2, arbitrary: named('a rotation is asked for', (estate) => estate.rotate(false)) },
  { weight: 1, arbitrary: named('a rotation is forced', (estate) => estate.rotate(true)) },
  { weight: 1, arbitrary: named('somebody rolls back', (estate) => estate.rollBack()) },
  { weight: 1, arbitrary: named('the standby is revoked', (estate) => estate.revokeStandby()) },
)

function named(label: string, happen: Happening): fc.Arbitrary<Happening> {
  return fc.constant(withLabel(label, happen))
}

function numbered(label: string, most: number, happen: (estate: Estate, number: number) => Promise<void>) {
  return fc.nat(most).map((number) => withLabel(`${label}: ${number}`, (estate) => happen(estate, number)))
}

/** So that a counterexample tells what happened. */
function withLabel(label: string, happen: Happening): Happening {
  return Object.assign(happen.bind(undefined), { [fc.toStringMethod]: () => label })
}

async function atTheSameTime(scheduler: fc.Scheduler, happenings: Happening[], estate: Estate): Promise<void> {
  const started: Promise<void>[] = []
  const begin = (happen: Happening) => async () => {
    // Not awaited: the next one begins while this one is under way.
    started.push(happen(estate))
  }
  scheduler.scheduleSequence(happenings.map(begin))
  await scheduler.waitIdle()
  await Promise.all(started)
}

const seen = new Map<string, number>()

it('whatever happens in whatever order, no key is used too early or retired too early, and a standby comes back', async () => {
  const crashes = fc.uniqueArray(fc.integer({ min: 1, max: 1_000 }), { maxLength: 8 })
  // What stands in one round happens at the same time; a round begins when the one before it is over.
  const round = fc.array(happening, { minLength: 2, maxLength: 8 })
  const rounds = fc.array(round, { minLength: 8, maxLength: 16 })
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), rounds, crashes, async (scheduler, all, crashed) => {
      const estate = await openEstate(scheduler, new Set(crashed))
      for (const happenings of all) await atTheSameTime(scheduler, happenings, estate)
      const { versions } = await estate.rest()
      assert.equal(versions.filter(({ state }) => state === 'active').length, 1)
      assert.ok(
        versions.some(({ state }) => state === 'prepared'),
        'there is no standby',
      )
      assert.equal(new Set(versions.map(({ id }) => id)).size, versions.length)
      for (const action of new Set(estate.actions())) seen.set(action, (seen.get(action) ?? 0) + 1)
    }),
    runs(40),
  )
})

it('the simulation reaches every step and every act of an operator', () => {
  assert.deepEqual(
    [...seen.keys()].sort(),
    [
      'activated',
      'created',
      'demoted',
      'prepared',
      'private_erased',
      'retired',
      'revoked',
      'rolled_back',
      'rotation_requested',
      'served',
    ].map((action) => `keyring.${action}`),
  )
})
