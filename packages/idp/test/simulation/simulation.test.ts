import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { describe, it } from 'node:test'
import { type Found, runApart } from './apart.ts'
import { faultNames } from './faults.ts'
import { actNames } from './operator.ts'
import { runSeed } from './run.ts'

/**
 * `SEED=123` replays one seed and prints its history. `SLOW=1` runs a million of them, on all cores; `SEEDS` sets how many,
 * and `FIRST_SEED` where they begin.
 */
const replayed = process.env.SEED
const slow = process.env.SLOW === '1'
const count = Number(process.env.SEEDS ?? (slow ? 1_000_000 : 3_000))
const first = Number(process.env.FIRST_SEED ?? 1)
/** The rarest of what must happen does so in one of 300 seeds. */
const enough = count >= 3_000
const workers = slow ? availableParallelism() : 1

const steps = [
  'activated',
  'created',
  'demoted',
  'discarded',
  'prepared',
  'private_erased',
  'retired',
  'revocation_requested',
  'revoked',
  'rolled_back',
  'rotation_requested',
  'served',
].map((step) => `step: keyring.${step}`)

const weather = [
  'crash before a call',
  'crash between commit and reply',
  'request to the database lost',
  'reply of the database lost',
  'slow database',
  'lost message',
  'doubled request',
  'slow message',
  'half-open stream',
].map((name) => `fault: ${name}`)

const consequences = [
  'anonymous reader served',
  'instance started',
  'verifier lost its lease',
  'listener: connection-broken',
  'listener: pings-missed',
  'view lost: changes are missing',
  'view lost: epoch N began',
  'view lost: lease was over before it was renewed',
  'view lost: renewal took too long',
]

const mustHappen = [
  ...steps,
  ...weather,
  ...consequences,
  ...faultNames.map((name) => `fault: ${name}`),
  ...actNames.map((name) => `act: ${name}`),
]

/**
 * The code that decides, carries out, holds leases and trust is the real one. Simulated are time, every clock, PostgreSQL
 * (held against the real one in postgres.test.ts), the network, and when processes start, stand still and die. An observer
 * that sees all of it holds every moment against what is promised: nothing too early, nothing too late, one active version,
 * nothing lost. That it would notice is shown in planted.test.ts.
 */
if (replayed === undefined) describe('an estate in which everything goes wrong', everySeed)
else it(`seed ${replayed} keeps every promise`, () => replay(Number(replayed)))

function everySeed() {
  let found: Found

  it('keeps every promise in every seed, and comes to rest when the trouble is over', async () => {
    found = await runApart({ first, count, workers })
    const told = found.violations.map(
      ({ seed, violation }) =>
        `seed ${seed}: ${violation}\n  replay: SEED=${seed} node --test packages/idp/test/simulation/simulation.test.ts`,
    )
    assert.equal(told.length, 0, `${told.length} of ${count} seeds\n${told.slice(0, 20).join('\n')}`)
  })

  it('goes wrong in every way, and takes every step, in some seed', () => {
    // Few seeds cannot reach the rarest of it.
    const expected = enough ? mustHappen : steps
    const never = expected.filter((label) => !found.counts.has(label))
    assert.deepEqual(never, [])
  })

  it('rotates keys in most seeds all the same', () => {
    for (const step of ['activated', 'demoted', 'retired']) {
      const seeds = found.counts.get(`step: keyring.${step}`) ?? 0
      assert.ok(seeds > 0.6 * count, `a version was ${step} in ${seeds} of ${count} seeds only`)
    }
  })

  it('notices nearly always that a backup was restored', () => {
    const noticed = found.counts.get('restore noticed') ?? 0
    const missed = found.counts.get('restore not noticed') ?? 0
    assert.ok(noticed > 3 * missed, `${noticed} were noticed and ${missed} were not`)
  })

  it('replays: a seed is one history, down to the moment', async () => {
    for (let seed = first; seed < first + 10; seed += 1) {
      const [one, again] = [await runSeed(seed, true), await runSeed(seed, true)]
      assert.deepEqual(one.lines, again.lines)
      assert.equal(one.trace, again.trace)
    }
  })
}

async function replay(seed: number): Promise<void> {
  const { lines, violation } = await runSeed(seed, true)
  process.stdout.write(`${lines.join('\n')}\n`)
  assert.equal(violation, undefined)
}
