import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Evidence } from '../../src/decide/evidence.ts'
import { activeVersion, standbyVersion } from '../../src/lifecycle/keyring.ts'
import { requestRotation } from '../../src/lifecycle/transition.ts'
import { carryOut, type Hands } from '../../src/loop/carry-out.ts'
import { changeKeyring } from '../../src/loop/change.ts'
import { ensureKeyring, forcedRotationMinAgeMs, requestForcedRotation } from '../../src/loop/ensure.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { material, settled, startMs, upToDate } from '../samples.ts'

const policy: Policy = { ...defaultPolicy, anonymousPropagationMs: 0 }
const wanted = { name: 'signing', algorithm: 'ES256', policy }
const about = { action: 'keyring.rotation_requested', actor: 'ops', details: {} }

let nowMs = startMs
let made = 0
let observed: Evidence = upToDate
let store = memoryStore(() => nowMs)
let hands: Hands

beforeEach(() => {
  nowMs = startMs
  made = 0
  observed = upToDate
  store = memoryStore(() => nowMs)
  hands = {
    store,
    make: async () => {
      made += 1
      return material(`key-${made}`)
    },
    observe: async () => observed,
  }
})

const load = async () => (await store.load('signing')) ?? assert.fail('there is no keyring')
const states = async () => (await load()).versions.map(({ state }) => state)
const actions = () => store.changes.map(({ action }) => action)
const askForRotation = (forced = false) =>
  changeKeyring(store, 'signing', (keyring, now) => requestRotation(keyring, { by: 'ops', forced }, now), about)

describe('making sure that a keyring exists', () => {
  it('ends with one version active and one in reserve when eight start at once on an empty store', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => ensureKeyring(hands, wanted)))
    assert.deepEqual(await states(), ['active', 'prepared'])
    assert.equal(new Set(all.map((keyring) => activeVersion(keyring)?.id)).size, 1)
    assert.deepEqual(actions(), ['keyring.created'])
  })

  it('claims nothing about who serves its first version: that is seen', async () => {
    const { versions } = await ensureKeyring(hands, wanted)
    assert.deepEqual(
      versions.map(({ servedAt }) => servedAt),
      [undefined, undefined],
    )
    nowMs += 5
    await carryOut('signing', hands)
    assert.deepEqual(
      (await load()).versions.map(({ state, servedAt }) => [state, servedAt]),
      [
        ['active', startMs + 5],
        ['prepared', startMs + 5],
      ],
    )
  })

  it('leaves a keyring that exists as it is', async () => {
    const before = await ensureKeyring(hands, wanted)
    assert.deepEqual(await ensureKeyring(hands, wanted), before)
    assert.deepEqual([made, actions()], [2, ['keyring.created']])
  })

  it('takes over another policy in one save', async () => {
    await ensureKeyring(hands, wanted)
    const changed = { ...wanted, policy: { ...policy, rotateEveryMs: 1_000 } }
    const all = await Promise.all(Array.from({ length: 8 }, () => ensureKeyring(hands, changed)))
    assert.deepEqual(
      all.map((keyring) => keyring.policy.rotateEveryMs),
      Array.from({ length: 8 }, () => 1_000),
    )
    assert.deepEqual(actions(), ['keyring.created', 'keyring.policy_changed'])
  })

  it('refuses an unsound policy before it makes anything', async () => {
    const unsound = { ...wanted, policy: { ...policy, maxGraceMs: 0 } }
    await assert.rejects(ensureKeyring(hands, unsound), { code: 'POLICY_INVALID' })
    assert.deepEqual([made, await store.list()], [0, []])
  })
})

describe('carrying out', () => {
  beforeEach(async () => {
    await ensureKeyring(hands, wanted)
  })

  it('takes a rotation through all its steps, and ends with another version in reserve', async () => {
    await askForRotation()
    const settledDown = await carryOut('signing', hands)
    assert.deepEqual(await states(), ['retiring', 'active', 'prepared'])
    assert.deepEqual(actions().slice(2), [
      'keyring.served',
      'keyring.activated',
      'keyring.demoted',
      'keyring.prepared',
      'keyring.served',
    ])
    assert.deepEqual(
      settledDown?.decision.waiting.map(({ gate }) => gate),
      ['drained'],
    )
    nowMs += policy.maxTokenTtlMs + policy.skewMs
    await carryOut('signing', hands)
    assert.deepEqual(await states(), ['retired', 'active', 'prepared'])
  })

  it('says in the change who asked for the rotation, what it replaced, and whether it was forced', async () => {
    await askForRotation(true)
    await carryOut('signing', hands)
    const { actor, details } = store.changes.find(({ action }) => action === 'keyring.activated') ?? assert.fail()
    assert.equal(actor, 'rekey')
    assert.deepEqual(details, { version: 'key-2', replaces: 'key-1', forced: true, requestedBy: 'ops' })
  })

  it('by eight at once does each step once, and losing the race is success', async () => {
    await askForRotation()
    const all = await Promise.all(Array.from({ length: 8 }, () => carryOut('signing', hands)))
    assert.deepEqual(await states(), ['retiring', 'active', 'prepared'])
    assert.deepEqual(actions().slice(2).sort(), [
      'keyring.activated',
      'keyring.demoted',
      'keyring.prepared',
      'keyring.served',
      'keyring.served',
    ])
    const last = await load()
    for (const each of all) assert.deepEqual(each?.keyring, last)
  })

  it('leaves the document as it was when no key can be made', async () => {
    await askForRotation()
    const broken = { ...hands, make: () => Promise.reject(new Error('the HSM is away')) }
    await assert.rejects(carryOut('signing', broken), /the HSM is away/)
    assert.deepEqual(await states(), ['retiring', 'active'])
    await carryOut('signing', hands)
    assert.deepEqual(await states(), ['retiring', 'active', 'prepared'])
  })

  it('looks at the parties after it has read the document, so that no acknowledgement is older than what it is for', async () => {
    const order: string[] = []
    const watched: Hands = {
      ...hands,
      store: {
        ...store,
        load: (name) => {
          order.push('load')
          return store.load(name)
        },
      },
      observe: async () => {
        order.push('observe')
        return upToDate
      },
    }
    await carryOut('signing', watched)
    assert.deepEqual(order.slice(0, 2), ['load', 'observe'])
    assert.equal(order.length % 2, 0)
  })

  it('has nothing to do for a keyring that does not exist', async () => {
    assert.equal(await carryOut('nobody', hands), undefined)
  })
})

describe('changing a keyring', () => {
  beforeEach(async () => {
    await ensureKeyring(hands, wanted)
  })

  it('is done again from the newer document when another writer was faster, so that nothing is lost', async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        changeKeyring(
          store,
          'signing',
          (keyring) => ({ ...keyring, versions: [...keyring.versions, reserve(`extra-${index}`)] }),
          about,
        ),
      ),
    )
    const ids = (await load()).versions.map(({ id }) => id).filter((id) => id.startsWith('extra'))
    assert.deepEqual(
      ids.sort(),
      Array.from({ length: 8 }, (_, index) => `extra-${index}`),
    )
  })

  it('saves nothing when the change leaves the document as it is', async () => {
    const before = await load()
    await changeKeyring(store, 'signing', (keyring) => keyring, about)
    assert.deepEqual([await load(), actions()], [before, ['keyring.created']])
  })

  it('passes a refusal on, and saves nothing', async () => {
    await askForRotation()
    await assert.rejects(askForRotation(), { code: 'ROTATION_UNDER_WAY' })
    assert.deepEqual(actions(), ['keyring.created', 'keyring.rotation_requested'])
  })

  it('is refused for a keyring that does not exist', async () => {
    const change = changeKeyring(store, 'nobody', (keyring) => keyring, about)
    await assert.rejects(change, { code: 'UNKNOWN_KEYRING', facts: { name: 'nobody' } })
  })

  const reserve = (id: string) => ({ ...material(id), state: 'prepared' as const, since: 0, preparedAt: nowMs })
})

describe('the flag that forces a rotation at start', () => {
  const young = settled('signing', startMs)

  it('does nothing while the active version is young', () => {
    assert.equal(requestForcedRotation(young, startMs + forcedRotationMinAgeMs - 1), young)
  })

  it('asks for a rotation, through all gates, once it is older', () => {
    const { rotation } = requestForcedRotation(young, startMs + forcedRotationMinAgeMs)
    assert.deepEqual([rotation?.forced, rotation?.by], [false, 'start-up flag'])
  })

  it('does nothing while a rotation is under way', () => {
    const asked = requestRotation(young, { by: 'ops', forced: false }, startMs)
    assert.equal(requestForcedRotation(asked, startMs + 10 * forcedRotationMinAgeMs), asked)
  })

  it('given to eight replicas rotates once', async () => {
    await ensureKeyring(hands, wanted)
    nowMs += forcedRotationMinAgeMs
    const start = async () => {
      await changeKeyring(store, 'signing', requestForcedRotation, about)
      await carryOut('signing', hands)
    }
    for (const _ of Array.from({ length: 4 })) await Promise.all([start(), start()])
    assert.equal(actions().filter((action) => action === 'keyring.activated').length, 1)
    assert.equal(standbyVersion(await load())?.state, 'prepared')
  })
})
