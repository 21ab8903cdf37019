import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Evidence, Use } from '../../src/decide/evidence.ts'
import { succeed } from '../../src/lifecycle/client.ts'
import { type ClientKeyring, newClientKeyring } from '../../src/lifecycle/keyring.ts'
import { carryOut } from '../../src/loop/carry-out.ts'
import { startLoop } from '../../src/loop/run.ts'
import type { ClientPolicy } from '../../src/policy/client.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { clientPolicy, secret, startMs } from '../samples.ts'

const hourMs = 3_600_000
const untilMs = startMs + 24 * hourMs
const about = { action: 'credential.rotated', actor: 'ops', details: {} }

/** One credential in an overlap of a day, and a loop that puts off what it found nothing to do for, as a store may let it. */
async function estate() {
  const clock = { nowMs: startMs }
  const inner = memoryStore<ClientPolicy>(() => clock.nowMs)
  const uses = new Map<string, Use>()
  const putOff = new Map<string, number>()
  const looked: number[] = []
  const store = {
    ...inner,
    due: async (now: number) => (await inner.due(now)).filter((name) => now >= (putOff.get(name) ?? 0)),
  }
  const hands = {
    store,
    observe: async (): Promise<Evidence> => {
      looked.push(clock.nowMs)
      return { instances: [], verifiers: [], uses }
    },
  }
  const first = succeed(newClientKeyring('credential-1', 'client-secret', clientPolicy), secret('old'), null, startMs)
  await store.save(undefined, succeed(first, secret('new'), untilMs, startMs), about)
  async function pass(): Promise<void> {
    const loop = startLoop(hands, {
      everyMs: 2 ** 30,
      enabled: () => true,
      onError: assert.ifError,
      onDecision: async ({ name }: ClientKeyring, { nextDecisionAt }) => {
        await Promise.resolve()
        if (nextDecisionAt !== null) putOff.set(name, nextDecisionAt)
      },
    })
    loop.poke()
    await loop.stop()
  }
  const states = async () => (await inner.load('credential-1'))?.versions.map(({ id, state }) => `${id} ${state}`)
  return { clock, inner, hands, uses, looked, pass, states }
}

describe('the loop over what clients hold', () => {
  it('retires what is over, without anybody who makes versions', async () => {
    const { clock, inner, hands, states } = await estate()
    clock.nowMs = untilMs
    await carryOut('credential-1', hands)
    assert.deepEqual(await states(), ['old retired', 'new active'])
    assert.deepEqual(inner.changes.at(-1), { action: 'keyring.retired', actor: 'rekey', details: { version: 'old' } })
  })

  it('does not read a credential at every beat of its overlap', async () => {
    const { clock, looked, pass } = await estate()
    for (let minute = 0; minute < 24 * 60; minute++) {
      await pass()
      clock.nowMs += 60_000
    }
    const firstMs = startMs + clientPolicy.quietMs
    const hours = Array.from({ length: 22 }, (_, n) => firstMs + n * hourMs)
    assert.deepEqual(looked, hours)
  })

  it('sees that the client has moved on within the hour', async () => {
    const { clock, uses, pass, states } = await estate()
    clock.nowMs = startMs + 5 * hourMs
    await pass()
    uses.set('new', { firstAt: clock.nowMs + 1, lastAt: clock.nowMs + 1 })
    clock.nowMs += hourMs
    await pass()
    assert.deepEqual(await states(), ['old retired', 'new active'])
  })

  it('never prepares a version of its own accord, however old the one in use is', async () => {
    const { clock, states, pass } = await estate()
    clock.nowMs = untilMs
    await pass()
    clock.nowMs += 10_000 * 24 * hourMs
    await pass()
    assert.deepEqual(await states(), ['old retired', 'new active'])
  })
})
