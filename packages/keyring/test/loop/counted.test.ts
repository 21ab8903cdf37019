/**
 * Several loops over one store, instances that make sessions by the version that they hold as the active one, sessions that move
 * to a newer version and end, rotations and roll-backs, in an order that is drawn at random. No session is ever left with a
 * version that is not accepted any more, and none that has just moved on from one: its browser may have sent what it had before.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { Evidence, Held } from '../../src/decide/evidence.ts'
import { KeyringError } from '../../src/error.ts'
import { makeSealingKey } from '../../src/kinds/sealing-key.ts'
import { activeVersion, type Keyring } from '../../src/lifecycle/keyring.ts'
import { requestRotation, rollBack } from '../../src/lifecycle/transition.ts'
import { isAccepted } from '../../src/lifecycle/version.ts'
import { carryOut, type Hands } from '../../src/loop/carry-out.ts'
import { changeKeyring } from '../../src/loop/change.ts'
import { ensureKeyring } from '../../src/loop/ensure.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { KeyringStore } from '../../src/stores/store.ts'
import { runs, startMs } from '../samples.ts'
import { borderOf, oneOf, play, roundsOf } from './happenings.ts'

const name = 'session'
const leaseMs = 4_000
/** Whoever is slower than that to store what he made has been cut off. */
const slowestMs = 8_000
/** What was sent has arrived by then. */
const underWayMs = 30_000
const about = { action: 'test', actor: 'ops', details: {} }

type Estate = Awaited<ReturnType<typeof openEstate>>

async function openEstate(scheduler: fc.Scheduler) {
  let nowMs = startMs
  const inner = memoryStore(() => nowMs)
  const policy = { ...defaultPolicy, rotateEveryMs: 60_000 }
  const first = await ensureKeyring(
    { store: inner, make: makeSealingKey },
    { name, kind: 'sealing-key', algorithm: '', policy },
  )
  const instances = ['one', 'two'].map((id) => ({ id, holds: first, leaseUntil: nowMs + leaseMs }))
  /** By which version each session is. */
  const sessions = new Map<number, string>()
  /** What they were by before, and until when that may still be shown. */
  const shown: { id: string; untilMs: number }[] = []
  let made = 0
  let retired = 0

  const border = borderOf(scheduler)
  const store: KeyringStore = {
    load: (which) => border(() => inner.load(which)),
    list: () => border(() => inner.list()),
    due: (now) => border(() => inner.due(now)),
    now: () => border(() => inner.now()),
    save: (previous, next, change) =>
      border(async () => {
        const saved = await inner.save(previous, next, change)
        if (saved && change.action === 'keyring.retired') retired += 1
        if (saved) checkSessions(saved)
        return saved
      }),
  }
  const hands: Hands = {
    store,
    make: (keyring) => border(() => makeSealingKey(keyring)),
    observe: async () => {
      const heldAt = await border(async () => nowMs)
      const held = await border(async () => counted())
      return { verifiers: [], held, heldAt, instances: await border(async () => seen()) }
    },
  }

  function counted(): ReadonlyMap<string, Held> {
    const counts = new Map<string, Held>()
    for (const id of sessions.values()) counts.set(id, { count: (counts.get(id)?.count ?? 0) + 1, until: null })
    return counts
  }

  const seen = (): Evidence['instances'] =>
    instances
      .filter(({ leaseUntil }) => leaseUntil > nowMs)
      .map(({ id, holds, leaseUntil }) => ({ id, leaseUntil, applied: holds.revision }))

  function checkSessions({ versions }: Keyring): void {
    for (const id of sessions.values()) {
      const version = versions.find((candidate) => candidate.id === id)
      assert.ok(version && isAccepted(version), `a session is left with ${id}, which is ${version?.state}`)
    }
    for (const { id } of shown.filter(({ untilMs }) => untilMs > nowMs)) {
      const version = versions.find((candidate) => candidate.id === id)
      assert.ok(version && isAccepted(version), `${id} may still be shown, and is ${version?.state}`)
    }
  }

  /** The instance looks at what is active, and stores by it a while later, if it is not too slow. */
  async function write(which: number, store: (version: string) => void): Promise<void> {
    const instance = instances[which % instances.length]
    if (!instance || instance.leaseUntil <= nowMs) return
    const sinceMs = nowMs
    const version = activeVersion(instance.holds)?.id ?? assert.fail('nothing is active')
    await border(async () => undefined)
    if (nowMs - sinceMs > slowestMs) return
    store(version)
    checkSessions((await inner.load(name)) ?? assert.fail())
  }

  async function apply(which: number): Promise<void> {
    const instance = instances[which % instances.length] ?? assert.fail()
    instance.holds = (await inner.load(name)) ?? assert.fail()
    instance.leaseUntil = nowMs + leaseMs
  }

  const change = (act: Parameters<typeof changeKeyring<Policy>>[2]) =>
    changeKeyring(store, name, act, about).catch((error) => {
      if (!(error instanceof KeyringError)) throw error
    })

  return {
    loop: () => carryOut(name, hands),
    apply,
    applyAll: () => Promise.all([apply(0), apply(1)]),
    begin: (which: number) =>
      write(which, (version) => {
        made += 1
        sessions.set(made, version)
      }),
    move: (which: number) =>
      write(which, (version) => {
        const [some] = [...sessions.keys()].slice(which % Math.max(1, sessions.size))
        const before = sessions.get(some ?? 0)
        if (some === undefined || before === undefined) return
        if (before !== version) shown.push({ id: before, untilMs: nowMs + underWayMs })
        sessions.set(some, version)
      }),
    async end() {
      const [oldest] = sessions.keys()
      if (oldest !== undefined) sessions.delete(oldest)
    },
    async passTime(ms: number) {
      nowMs += ms
    },
    rotate: () => change((keyring, now) => requestRotation(keyring, { by: 'ops', forced: false }, now)),
    rollBack: () => change(rollBack),
    retired: () => retired,
  }
}

const happening = oneOf<Estate>(
  [6, (estate) => estate.loop()],
  [3, (estate, which) => estate.apply(which)],
  [5, (estate) => estate.applyAll()],
  [4, (estate, which) => estate.begin(which)],
  [3, (estate, which) => estate.move(which)],
  [1, (estate) => estate.end()],
  [3, (estate, which) => estate.passTime(which * 500)],
  [2, (estate, which) => estate.passTime(which * 6_000)],
  [3, (estate) => estate.rotate()],
  [1, (estate) => estate.rollBack()],
)

it('whatever happens in whatever order, no session is left with a version that is not accepted', async () => {
  let retired = 0
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), roundsOf(happening), async (scheduler, all) => {
      const estate = await openEstate(scheduler)
      await play(scheduler, estate, all)
      retired += estate.retired()
    }),
    runs(60),
  )
  assert.ok(retired > 0, 'nothing was ever retired')
})
