import { after, before, describe, it, mock } from 'node:test'
import fc from 'fast-check'
import { type Member, members, newWorld, type World } from './world.ts'

const DAY_MS = 86_400_000
const often = (parts: number) => fc.nat(parts).map((part) => part === 0)

type Step = (world: World) => unknown

const startOf = (some: readonly Member[]) =>
  fc
    .record({
      member: fc.constantFrom(...some),
      rotates: fc.boolean(),
      forced: often(9),
      cap: fc.constantFrom(0, 2, 3, 4),
      killedAt: fc.oneof(
        { weight: 2, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) },
      ),
      isFrozen: often(9),
      isServed: often(3).map((isDown) => !isDown),
    })
    .map((start) => named(`start ${JSON.stringify(start)}`, (world) => world.start(start)))
const takeOut = fc
  .tuple(fc.uniqueArray(fc.nat(4), { minLength: 1 }), fc.boolean())
  .map(([at, atProvider]) => named(`take out ${at} ${atProvider}`, (world) => world.takeOut(at, atProvider)))
const losePem = fc
  .constantFrom(...members)
  .map((member) => named(`lose the PEM of ${member}`, (world) => world.losePem(member)))
const wait = fc
  .constantFrom(11 / 1_440, 10, 31)
  .map((days) => named(`wait ${days} days`, (world) => world.wait(days * DAY_MS)))
const forget = fc.constant(named('forget the client', (world) => world.forget()))

const steps = (some: readonly Member[]) =>
  fc.array(
    fc.oneof(
      { weight: 8, arbitrary: startOf(some) },
      { weight: 2, arbitrary: wait },
      { weight: 2, arbitrary: takeOut },
      { weight: 1, arbitrary: losePem },
      { weight: 1, arbitrary: forget },
    ),
    { maxLength: 14 },
  )

function named(what: string, step: Step): Step {
  return Object.assign(step, { [fc.toStringMethod]: () => what })
}

/** Whatever happens in whatever order; the number of the seed is in the message of a failure. */
async function holds(byAddress: boolean) {
  await fc.assert(
    fc.asyncProperty(steps(byAddress ? members.slice(0, 2) : members), async (all) => {
      const world = await newWorld(byAddress)
      try {
        for (const step of all) {
          world.wait(1_000)
          await step(world)
        }
      } finally {
        await world.end()
      }
    }),
    { numRuns: process.env.SLOW === '1' ? 10_000 : 100 },
  )
}

describe('whatever is started, killed, taken out, lost and forgotten, in whatever order', () => {
  // The beat of a lock whose holder is killed would go on for ever.
  before(() => mock.timers.enable({ apis: ['setInterval'] }))
  after(() => mock.timers.reset())

  for (const [where, byAddress] of [
    ['of an inline registration', false],
    ['behind DCR_JWKS_URI', true],
  ] as const) {
    it(`the set ${where} has the key that signs, none that was taken out, all that are in use, and no more than the cap`, () =>
      holds(byAddress))
  }
})
