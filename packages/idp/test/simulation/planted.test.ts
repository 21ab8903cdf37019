import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runApart, runPlanted } from './apart.ts'
import { breaches, plants } from './plants.ts'

/** A fault that hides longer than this is not found by the seeds that every run of the tests goes through. */
const mostSeeds = 2_000

describe('the simulation finds out that', { concurrency: 2 }, () => {
  for (const [number, { fault, breaks }] of plants.entries()) {
    it(fault, async (t) => {
      const [first] = (await runPlanted(number, mostSeeds)).violations
      assert.ok(first, `${mostSeeds} seeds did not show it`)
      const { violation } = first
      assert.ok(
        breaks.some((promise) => breaches[promise].test(violation)),
        `found by another harm: ${violation}`,
      )
      const { violations } = await runApart({ first: first.seed, count: 1, workers: 1 })
      assert.deepEqual(violations, [], 'it is not the fault that was put in which this seed shows')
      t.diagnostic(`found by seed ${first.seed}: ${violation}`)
    })
  }
})
