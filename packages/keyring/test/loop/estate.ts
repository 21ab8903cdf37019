/**
 * A small estate in which everything that can happen at the same time happens in an order that is drawn at random: several
 * loops over one store, instances that sign by the document they applied last, verifiers that hold the one they fetched last,
 * operators, and crashes between any two calls. Every save is held against what really happened.
 */
import assert from 'node:assert/strict'
import type { Scheduler } from 'fast-check'
import type { Evidence } from '../../src/decide/evidence.ts'
import { KeyringError } from '../../src/error.ts'
import { activeVersion, type Keyring, standbyVersion } from '../../src/lifecycle/keyring.ts'
import { requestRotation, revoke, rollBack } from '../../src/lifecycle/transition.ts'
import { isAccepted, type Version } from '../../src/lifecycle/version.ts'
import { carryOut, type Hands } from '../../src/loop/carry-out.ts'
import { changeKeyring } from '../../src/loop/change.ts'
import type { Policy } from '../../src/policy/signing.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { Change, KeyringStore } from '../../src/stores/store.ts'
import { material, settled, startMs } from '../samples.ts'

export const policy: Policy = {
  rotateEveryMs: 5_000,
  verifierPatienceMs: null,
  anonymousPropagationMs: 250,
  jwksMaxAgeMs: 200,
  maxTokenTtlMs: 600,
  skewMs: 50,
  maxGraceMs: 2_000,
  rollbackWindowMs: 400,
}

const leaseMs = 500
const name = 'signing'
const by = (action: string): Change => ({ action, actor: 'ops', details: {} })

class Crash extends Error {}

/** An instance or a verifier: what it holds is the document that it read last, until its lease is over. */
interface Party {
  id: string
  holds: Keyring
  leaseUntil: number
}

export type Estate = Awaited<ReturnType<typeof openEstate>>

export async function openEstate(scheduler: Scheduler, crashes: ReadonlySet<number>) {
  const clock = { nowMs: startMs }
  const inner = memoryStore(() => clock.nowMs)
  const first = await inner.save(undefined, settled(name, startMs, policy), by('keyring.created'))
  const holds = first ?? assert.fail('the first save was lost')
  const instances = parties('idp-1', 'idp-2', 'idp-3')
  const verifiers = parties('api-1', 'api-2')
  const lastSignedMs = new Map<string, number>()
  let calls = 0
  let made = 0

  function parties(...ids: string[]): Party[] {
    return ids.map((id) => ({ id, holds, leaseUntil: startMs + leaseMs }))
  }

  const alive = (party: Party) => party.leaseUntil > clock.nowMs

  /** Everything that crosses a process's border waits here for its turn, and may be the last thing that its process does. */
  async function border<T>(act: () => Promise<T>): Promise<T> {
    await scheduler.schedule(Promise.resolve())
    calls += 1
    if (crashes.has(calls)) throw new Crash('before the call')
    const result = await act()
    await scheduler.schedule(Promise.resolve())
    calls += 1
    if (crashes.has(calls)) throw new Crash('after the call')
    return result
  }

  const store: KeyringStore = {
    load: (which) => border(() => inner.load(which)),
    list: () => border(() => inner.list()),
    due: (now) => border(() => inner.due(now)),
    now: () => border(() => inner.now()),
    save: (previous, next, change) =>
      border(async () => {
        signEverywhere()
        const stored = await inner.save(previous, next, change)
        if (stored && previous) checkSave(previous, stored, change)
        return stored
      }),
  }

  const hands: Hands = {
    store,
    make: () => border(async () => material(`key-${++made}`)),
    observe: () => border(async () => observed()),
  }

  function observed(): Evidence {
    return {
      instances: instances
        .filter(alive)
        .map(({ id, holds, leaseUntil }) => ({ id, leaseUntil, applied: holds.revision })),
      verifiers: verifiers
        .filter(alive)
        .map(({ id, holds, leaseUntil }) => ({ id, leaseUntil, holds: holds.revision, algorithms: ['ES256'] })),
    }
  }

  /** Every instance that holds its lease signs a token by the key that it believes to be the active one. */
  function signEverywhere(): void {
    for (const { holds } of instances.filter(alive)) signed(holds, clock.nowMs)
  }

  function signed(holds: Keyring, atMs: number): void {
    const { id } = activeVersion(holds) ?? assert.fail('an instance has no active key')
    lastSignedMs.set(id, Math.max(atMs, lastSignedMs.get(id) ?? 0))
  }

  function checkSave(before: Keyring, after: Keyring, change: Change): void {
    assert.equal(after.versions.filter(({ state }) => state === 'active').length, 1)
    for (const version of after.versions) {
      const former = before.versions.find(({ id }) => id === version.id)
      if (version.state === 'retired' && former?.state === 'retiring') checkRetirement(version)
      if (change.action === 'keyring.activated' && version.state === 'active' && former?.state === 'prepared') {
        checkActivation(version, before.rotation?.forced ?? false)
      }
    }
  }

  function checkRetirement({ id, demotedAt }: Version): void {
    const graceMs = policy.maxTokenTtlMs + policy.skewMs
    const lastMs = lastSignedMs.get(id) ?? Number.NEGATIVE_INFINITY
    assert.ok(clock.nowMs >= lastMs + graceMs, `${id} is retired while a token signed by it is valid`)
    assert.ok(clock.nowMs >= (demotedAt ?? Number.POSITIVE_INFINITY) + graceMs, `${id} is retired before its time`)
  }

  function checkActivation({ id, servedAt, since }: Version, forced: boolean): void {
    for (const party of instances.filter(alive))
      assert.ok(party.holds.revision >= since, `${party.id} does not serve ${id}`)
    if (forced) return
    for (const { id: verifier, holds } of verifiers.filter(alive)) {
      const knows = holds.versions.some((version) => version.id === id && isAccepted(version))
      assert.ok(knows, `${verifier} does not know ${id}`)
    }
    const servedMs = servedAt ?? Number.POSITIVE_INFINITY
    assert.ok(clock.nowMs >= servedMs + policy.anonymousPropagationMs, `anonymous readers may not know ${id}`)
  }

  /** A process of ours ends at a crash; a refusal is an answer. Anything else is a defect. */
  async function process(act: () => Promise<unknown>): Promise<void> {
    await act().catch((error) => {
      if (!(error instanceof Crash || error instanceof KeyringError)) throw error
    })
  }

  async function sync(party: Party): Promise<void> {
    signEverywhere()
    party.holds = (await inner.load(name)) ?? assert.fail('the keyring is gone')
    // A verifier that lags for long is what activation must wait for.
    party.leaseUntil = clock.nowMs + (verifiers.includes(party) ? 5 : 1) * leaseMs
  }

  async function syncAll(): Promise<void> {
    for (const party of [...instances, ...verifiers]) await sync(party)
  }

  const change = (action: string, act: Parameters<typeof changeKeyring<Policy>>[2]) =>
    process(() => changeKeyring(store, name, act, by(action)))

  return {
    runLoop: () => process(() => carryOut(name, hands)),
    syncInstance: (index: number) => sync(instances[index % instances.length] ?? assert.fail()),
    syncVerifier: (index: number) => sync(verifiers[index % verifiers.length] ?? assert.fail()),
    syncAll,
    passTime: async (ms: number) => {
      const fromMs = clock.nowMs
      clock.nowMs += ms
      // They signed without a pause, up to the end of their lease.
      for (const { holds, leaseUntil } of instances.filter((party) => party.leaseUntil > fromMs)) {
        signed(holds, Math.min(leaseUntil, clock.nowMs))
      }
    },
    rotate: (forced: boolean) =>
      change('keyring.rotation_requested', (keyring, now) => requestRotation(keyring, { by: 'ops', forced }, now)),
    rollBack: () => change('keyring.rolled_back', rollBack),
    revokeStandby: () =>
      change('keyring.revoked', (keyring, now) =>
        revoke(keyring, standbyVersion(keyring)?.id ?? 'nobody', { reason: 'drill' }, now),
      ),
    /** Nothing crashes any more and everybody reads: the estate as it comes to rest. */
    rest: async (): Promise<Keyring> => {
      crashesOver()
      // A standby that gave way to a revocation is made by then.
      clock.nowMs += 250
      await syncAll()
      await carryOut(name, {
        store: inner,
        make: async () => material(`key-${++made}`),
        observe: async () => observed(),
      })
      return (await inner.load(name)) ?? assert.fail('the keyring is gone')
    },
    actions: () => inner.changes.map(({ action }) => action),
  }

  function crashesOver(): void {
    calls = Number.NEGATIVE_INFINITY
  }
}
