import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { KeyringError } from '../../src/error.ts'
import { endEscrow, sealGiven } from '../../src/lifecycle/escrow.ts'
import type { InstanceKindName, Keyring } from '../../src/lifecycle/keyring.ts'
import {
  acceptFormer,
  activate,
  discard,
  erasePrivate,
  markDemoted,
  markServed,
  prepare,
  requestRotation,
  retire,
  revoke,
  rollBack,
} from '../../src/lifecycle/transition.ts'
import type { State } from '../../src/lifecycle/version.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { material, runs, settled, startMs } from '../samples.ts'

type Act = (keyring: Keyring, id: string, step: number) => Keyring

const acts: Record<string, Act> = {
  prepare: (keyring, _id, step) => prepare(keyring, material(`made at ${step}`), startMs + step),
  acceptFormer: (keyring, _id, step) => acceptFormer(keyring, material(`given at ${step}`), startMs + step),
  markServed: (keyring, id, step) => markServed(keyring, id, startMs + step),
  activate: (keyring, id, step) => activate(keyring, id, startMs + step),
  markDemoted: (keyring, id, step) => markDemoted(keyring, id, startMs + step),
  erasePrivate,
  endEscrow,
  sealGiven: (keyring, id) => sealGiven(keyring, id, 'sealed'),
  retire: (keyring, id, step) => retire(keyring, id, startMs + step),
  discard: (keyring, id, step) => discard(keyring, id, startMs + step),
  revoke: (keyring, id, step) => revoke(keyring, id, { reason: 'drill' }, startMs + step),
  rollBack: (keyring, _id, step) => rollBack(keyring, startMs + step),
  requestRotation: (keyring, _id, step) => requestRotation(keyring, { by: 'ops', forced: false }, startMs + step),
}

/** The arrows of the picture in version.ts. */
const follows: Record<State, State[]> = {
  prepared: ['prepared', 'active', 'retired', 'revoked'],
  active: ['active', 'retiring'],
  retiring: ['retiring', 'active', 'retired', 'revoked'],
  retired: ['retired'],
  revoked: ['revoked'],
}

const steps = fc.array(fc.record({ act: fc.constantFrom(...Object.keys(acts)), which: fc.nat(30) }), { maxLength: 80 })

for (const kind of ['signing-key', 'encryption-key'] satisfies InstanceKindName[]) {
  it(`whatever is tried in whatever order, one version of a ${kind} is active and none leaves its way`, () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        let keyring: Keyring = { ...settled('any', startMs, { ...defaultPolicy, escrowForMs: 1_000 }), kind }
        for (const [step, { act, which }] of sequence.entries()) {
          const next = attempt(act, deepFreeze(keyring), which, step)
          checkStep(keyring, next)
          keyring = next
        }
      }),
      runs(300),
    )
  })
}

function attempt(act: string, keyring: Keyring, which: number, step: number): Keyring {
  const id = keyring.versions[which % keyring.versions.length]?.id ?? ''
  try {
    return acts[act]?.(keyring, id, step) ?? assert.fail(`no act ${act}`)
  } catch (error) {
    if (error instanceof KeyringError) return keyring
    throw error
  }
}

function checkStep(before: Keyring, after: Keyring): void {
  assert.equal(after.versions.filter(({ state }) => state === 'active').length, 1)
  assert.equal(new Set(after.versions.map(({ id }) => id)).size, after.versions.length)
  const bare = after.versions.filter(({ state, sealedPrivate }) => state === 'retired' && sealedPrivate === undefined)
  assert.ok(bare.length <= 16)
  for (const { id, state } of before.versions) {
    const now = after.versions.find((version) => version.id === id)
    if (!now) assert.ok(state === 'retired', `${id} was ${state} and disappeared`)
    else assert.ok(follows[state].includes(now.state), `${id} went from ${state} to ${now.state}`)
  }
  for (const { state, sealedPrivate, escrowedUntil } of after.versions) {
    if (state === 'prepared' || state === 'active') assert.notEqual(sealedPrivate, undefined)
    const inEscrow = after.kind === 'encryption-key' && escrowedUntil !== undefined
    if ((state === 'retired' || state === 'revoked') && !inEscrow) assert.equal(sealedPrivate, undefined)
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
