import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, it } from 'node:test'
import type { Keyring } from '../../src/lifecycle/keyring.ts'
import { ensureKeyring } from '../../src/loop/ensure.ts'
import { type Loop, startLoop } from '../../src/loop/run.ts'
import { defaultPolicy } from '../../src/policy/signing.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { material, startMs, upToDate } from '../samples.ts'

const policy = { ...defaultPolicy, anonymousPropagationMs: 0 }
/** No beat within a test, unless it is about beats: only what the test itself does can be what it sees. */
const neverMs = 2 ** 30

async function estate(...names: string[]) {
  const clock = { nowMs: startMs }
  const store = memoryStore(() => clock.nowMs)
  const loads: string[] = []
  const seen = new EventEmitter()
  let made = 0
  const hands = {
    store: {
      ...store,
      load: (name: string) => {
        loads.push(name)
        return store.load(name)
      },
    },
    make: async (_keyring: Keyring) => material(`key-${++made}`),
    observe: async () => upToDate,
  }
  for (const name of names) await ensureKeyring(hands, { name, algorithm: 'ES256', policy })
  loads.length = 0
  const errors: unknown[] = []
  const options = {
    everyMs: neverMs,
    enabled: () => true,
    onError: (error: unknown) => {
      errors.push(error)
    },
    onDecision: ({ name }: Keyring) => {
      seen.emit('settled', name)
    },
  }
  return { clock, store, hands, loads, seen, errors, options }
}

/** Runs one pass from its beginning to its end. */
async function onePass(loop: Loop): Promise<void> {
  loop.poke()
  await loop.stop()
}

describe('the loop', () => {
  it('reads only the keyrings that are due', async () => {
    const { clock, store, hands, loads, options } = await estate('signing-a', 'signing-b')
    await onePass(startLoop(hands, options))
    loads.length = 0
    await onePass(startLoop(hands, options))
    assert.deepEqual(loads, [])
    clock.nowMs += 1_000
    const b = (await store.load('signing-b')) ?? assert.fail()
    const asked = { ...b, rotation: { requestedAt: clock.nowMs, by: 'ops', forced: false } }
    await store.save(b, asked, { action: 'keyring.rotation_requested', actor: 'ops', details: {} })
    await onePass(startLoop(hands, options))
    assert.deepEqual([...new Set(loads)], ['signing-b'])
  })

  it('waits for what is done with a decision, and tells of it when that fails', async () => {
    const { hands, errors, options } = await estate('signing-a')
    const onDecision = async () => {
      await Promise.resolve()
      throw new Error('the database is away')
    }
    await onePass(startLoop(hands, { ...options, onDecision }))
    assert.deepEqual(errors.map(String), ['Error: the database is away'])
  })

  it('goes on when a key cannot be made, and the other keyrings rotate all the same', async () => {
    const { clock, store, hands, errors, options } = await estate('signing-a', 'signing-b')
    clock.nowMs += policy.rotateEveryMs
    const make = async (keyring: Keyring) => {
      if (keyring.name === 'signing-a') throw new Error('the HSM is away')
      return hands.make(keyring)
    }
    await onePass(startLoop({ ...hands, make }, options))
    assert.deepEqual(errors.map(String), ['Error: the HSM is away'])
    const states = async (name: string) => (await store.load(name))?.versions.map(({ state }) => state)
    assert.deepEqual(await states('signing-a'), ['retiring', 'active'])
    assert.deepEqual(await states('signing-b'), ['retiring', 'active', 'prepared'])
    await onePass(startLoop(hands, options))
    assert.deepEqual(await states('signing-a'), ['retiring', 'active', 'prepared'])
  })

  it('goes on when the store cannot be asked', async () => {
    const { hands, seen, errors, options } = await estate('signing')
    let asked = 0
    const due = async (nowMs: number) => {
      asked += 1
      if (asked === 1) throw new Error('the store is away')
      return hands.store.due(nowMs)
    }
    const loop = startLoop({ ...hands, store: { ...hands.store, due } }, { ...options, everyMs: 1 })
    await once(seen, 'settled')
    await loop.stop()
    assert.deepEqual(errors.map(String), ['Error: the store is away'])
  })

  it('does what else hangs on its beat when the keyrings are settled, and goes on when that fails', async () => {
    const { clock, store, hands, errors, options } = await estate('signing')
    clock.nowMs += policy.rotateEveryMs
    const found: (string | undefined)[] = []
    const afterwards = async () => {
      found.push((await store.load('signing'))?.versions[0]?.state)
      throw new Error('the move cannot be made')
    }
    await onePass(startLoop(hands, { ...options, afterwards }))
    assert.deepEqual([found, errors.map(String)], [['retiring'], ['Error: the move cannot be made']])
    await onePass(startLoop(hands, { ...options, afterwards, enabled: () => false }))
    assert.equal(found.length, 1)
  })

  it('decides nothing while it is not enabled', async () => {
    const { store, hands, loads, options } = await estate('signing')
    const before = await store.load('signing')
    await onePass(startLoop(hands, { ...options, enabled: () => false }))
    assert.deepEqual([loads, await store.load('signing')], [[], before])
  })

  it('looks at once when it is poked, again when it is poked meanwhile, and never after it was stopped', async () => {
    const { store, hands, seen, options } = await estate('signing')
    let passes = 0
    const due = (nowMs: number) => {
      passes += 1
      if (passes === 1) loop.poke()
      return store.due(nowMs)
    }
    const loop = startLoop({ ...hands, store: { ...hands.store, due } }, options)
    const settled = once(seen, 'settled')
    loop.poke()
    await settled
    while (passes < 2) await new Promise(setImmediate)
    await loop.stop()
    loop.poke()
    await loop.stop()
    assert.equal(passes, 2)
  })

  it('is over only when the pass under way is', async () => {
    const { hands, options } = await estate('signing')
    const making = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const observe = async () => {
      begun.resolve()
      await making.promise
      return upToDate
    }
    const loop = startLoop({ ...hands, observe }, options)
    loop.poke()
    await begun.promise
    let stopped = false
    const stopping = loop.stop().then(() => {
      stopped = true
    })
    await new Promise(setImmediate)
    assert.equal(stopped, false)
    making.resolve()
    await stopping
  })
})
