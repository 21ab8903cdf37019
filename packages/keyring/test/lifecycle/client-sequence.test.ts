import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { ClientKeyring, ClientKindName } from '../../src/lifecycle/keyring.ts'
import type { State } from '../../src/lifecycle/version.ts'
import { runs } from '../samples.ts'
import { World } from './client-world.ts'

interface Happening {
  act: keyof typeof acts
  which: number
  overlapMs: number
  lifeMs: number | null
  pauseMs: number
}

const acts = {
  rotate: (world: World, { overlapMs, lifeMs }: Happening) => world.rotate(overlapMs, lifeMs),
  'rotate without an overlap': (world: World, { lifeMs }: Happening) => world.rotate(null, lifeMs),
  use: (world: World, { which }: Happening) => world.use(which),
  pass: (world: World, { pauseMs }: Happening) => {
    world.now += pauseMs
  },
  settle: (world: World) => world.settle(),
  revoke: (world: World, { which }: Happening) => world.revoke(which),
  close: (world: World) => world.close(),
}

const weights = { rotate: 12, 'rotate without an overlap': 4, use: 30, pass: 30, settle: 30, revoke: 3, close: 1 }

const happening: fc.Arbitrary<Happening> = fc.record({
  act: fc.oneof(
    ...(Object.keys(acts) as Happening['act'][]).map((act) => ({ weight: weights[act], arbitrary: fc.constant(act) })),
  ),
  which: fc.nat(4),
  overlapMs: fc.nat(500),
  lifeMs: fc.option(fc.integer({ min: 1, max: 500 })),
  pauseMs: fc.nat(60),
})

/** The arrows of the second picture in version.ts. */
const follows: Record<State, State[]> = {
  prepared: [],
  active: ['active', 'retiring', 'retired', 'revoked'],
  retiring: ['retiring', 'retired', 'revoked'],
  retired: ['retired'],
  revoked: ['revoked'],
}

function checkStep(before: ClientKeyring, world: World): void {
  const { versions } = world.keyring
  assert.ok(versions.filter(({ state }) => state === 'active').length <= 1)
  for (const { id, state } of versions) {
    const former = before.versions.find((version) => version.id === id)
    if (former) assert.ok(follows[former.state].includes(state), `${id} goes from ${former.state} to ${state}`)
    else assert.equal(state, 'active')
  }
  for (const version of world.promised) {
    assert.equal(
      world.accepts(version.id),
      world.holds(version),
      `${version.id} is accepted, or not, against its promise`,
    )
  }
}

const seen = new Set<string>()

it('whatever happens, what a client holds is accepted until its end, and never after', () => {
  const kinds = fc.constantFrom<ClientKindName[]>('client-secret', 'client-key')
  fc.assert(
    fc.property(kinds, fc.array(happening, { minLength: 20, maxLength: 80 }), (kind, all) => {
      const world = new World(kind)
      for (const one of all) {
        const before = structuredClone(world.keyring)
        acts[one.act](world, one)
        checkStep(before, world)
      }
      for (const what of world.happened) seen.add(what)
    }),
    runs(500),
  )
})

it('the sequences reach every end that a version can have', () => {
  assert.deepEqual([...seen].sort(), [
    'closed',
    'one is retired at its end',
    'one is retired because it is out of use',
    'one that is active is revoked',
    'one that is retiring is revoked',
    'several are retiring',
    'what is closed is given nothing',
  ])
})
