/**
 * Several loops over one store, instances that write rows by the version that they hold as the active one, transactions that stay
 * open, sweeps, backups, rotations, roll-backs, leaks and crashes, in an order that is drawn at random. No row is ever left by a
 * version whose key is gone, nor a backup that is still kept, and no live instance ever meets a row that it cannot read.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { Evidence, Held } from '../../src/decide/evidence.ts'
import { KeyringError } from '../../src/error.ts'
import { makeEncryptionKey } from '../../src/kinds/encryption-key.ts'
import { activeVersion, type Keyring } from '../../src/lifecycle/keyring.ts'
import { requestRevocation, requestRotation, rollBack } from '../../src/lifecycle/transition.ts'
import { isAccepted } from '../../src/lifecycle/version.ts'
import { carryOut, type Hands } from '../../src/loop/carry-out.ts'
import { changeKeyring } from '../../src/loop/change.ts'
import { ensureKeyring } from '../../src/loop/ensure.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { KeyringStore } from '../../src/stores/store.ts'
import { runs, startMs } from '../samples.ts'
import { borderOf, oneOf, play, roundsOf } from './happenings.ts'

const name = 'columns'
const leaseMs = 4_000
const backupsKeptMs = 15_000
const about = { action: 'test', actor: 'ops', details: {} }

type Estate = Awaited<ReturnType<typeof openEstate>>

/** Writes `version` into a row when it ends, unless the row is another one by then. */
interface Transaction {
  row: number
  version: string
  /** What was read of the row; undefined where it is written whatever it was. */
  before?: string
}

async function openEstate(scheduler: fc.Scheduler, escrowForMs: number) {
  let nowMs = startMs
  const inner = memoryStore(() => nowMs)
  const policy = { ...defaultPolicy, rotateEveryMs: 60_000, backupsKeptMs, escrowForMs }
  const first = await ensureKeyring(
    { store: inner, make: makeEncryptionKey },
    { name, kind: 'encryption-key', algorithm: 'A256GCM', policy },
  )
  const instances = ['one', 'two'].map((id) => ({ id, holds: first, leaseUntil: nowMs + leaseMs }))
  /** By which version each row is. */
  const rows = new Map<number, string>()
  const open = new Set<Transaction>()
  let backups: { versions: Set<string>; keptUntilMs: number }[] = []
  const ended = { retired: 0, revoked: 0 }

  const border = borderOf(scheduler)
  const store: KeyringStore = {
    load: (which) => border(() => inner.load(which)),
    list: () => border(() => inner.list()),
    due: (now) => border(() => inner.due(now)),
    now: () => border(() => inner.now()),
    save: (previous, next, change) =>
      border(async () => {
        const saved = await inner.save(previous, next, change)
        if (!saved) return saved
        if (change.action === 'keyring.retired') ended.retired += 1
        if (change.action === 'keyring.revoked') ended.revoked += 1
        checkKeys(saved)
        return saved
      }),
  }
  const hands: Hands = {
    store,
    make: (keyring) => border(() => makeEncryptionKey(keyring)),
    observe: async () => {
      // Who may still write is seen before the rows are counted.
      const unsettled = await border(async () => new Set([...open].map(({ version }) => version)))
      const held = await border(async () => counted(unsettled))
      return { verifiers: [], held, instances: await border(async () => live()) }
    },
  }

  function counted(unsettled: ReadonlySet<string>): ReadonlyMap<string, Held> {
    const held = new Map<string, Held>()
    for (const id of unsettled) held.set(id, { count: 0, until: null, isUnsettled: true })
    for (const id of rows.values()) {
      held.set(id, { until: null, ...held.get(id), count: (held.get(id)?.count ?? 0) + 1 })
    }
    return held
  }

  const live = (): Evidence['instances'] =>
    instances
      .filter(({ leaseUntil }) => leaseUntil > nowMs)
      .map(({ id, holds, leaseUntil }) => ({ id, leaseUntil, applied: holds.revision }))

  function checkKeys({ versions }: Keyring): void {
    const find = (id: string) => versions.find((version) => version.id === id)
    for (const id of rows.values()) {
      const version = find(id)
      assert.ok(version && isAccepted(version) && version.sealedPrivate, `a row is left by ${id}: ${version?.state}`)
    }
    for (const backup of backups.filter(({ keptUntilMs }) => keptUntilMs > nowMs)) {
      for (const id of backup.versions) assert.ok(find(id)?.sealedPrivate, `a backup is left by ${id}`)
    }
  }

  /** A live instance that is a step behind may be asked for any row. */
  function checkReaders(): void {
    for (const { id, holds } of instances.filter(({ leaseUntil }) => leaseUntil > nowMs)) {
      for (const by of rows.values()) {
        const version = holds.versions.find((candidate) => candidate.id === by)
        assert.ok(version && isAccepted(version), `instance ${id} cannot read what ${by} made`)
      }
    }
  }

  /** The instance encrypts by what it holds; the database refuses what a version made that is demoted everywhere. */
  async function begin(which: number, row: number, before?: string): Promise<Transaction | undefined> {
    const instance = instances[which % instances.length] ?? assert.fail()
    const active = activeVersion(instance.holds)
    if (instance.leaseUntil <= nowMs || active?.servedAt === undefined) return undefined
    await border(async () => undefined)
    const stands = (await inner.load(name))?.versions.find(({ id }) => id === active.id)
    const isOpen = stands?.state === 'active' || (stands?.state === 'retiring' && stands.demotedAt === undefined)
    if (!isOpen) {
      const isCurrent = instance.leaseUntil > nowMs && activeVersion(instance.holds)?.id === active.id
      assert.ok(!isCurrent, `a live instance is refused what it writes by ${active.id}`)
      return undefined
    }
    const transaction = { row, version: active.id, ...(before === undefined ? {} : { before }) }
    open.add(transaction)
    return transaction
  }

  function end(transaction: Transaction | undefined): void {
    if (!transaction || !open.delete(transaction)) return
    const { row, version, before } = transaction
    if (before !== undefined && rows.get(row) !== before) return
    rows.set(row, version)
    checkReaders()
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
    async write(which: number) {
      const transaction = await begin(which, which)
      await border(async () => end(transaction))
    },
    /** A transaction that others have to end. */
    linger: (which: number) => begin(which, which),
    async endOldest() {
      const [oldest] = open
      end(oldest)
    },
    async sweep(which: number) {
      for (const [row, before] of [...rows]) {
        const transaction = await begin(which, row, before)
        await border(async () => end(transaction))
      }
    },
    async backUp() {
      backups = backups.filter(({ keptUntilMs }) => keptUntilMs > nowMs)
      backups.push({ versions: new Set(rows.values()), keptUntilMs: nowMs + backupsKeptMs })
    },
    async passTime(ms: number) {
      nowMs += ms
    },
    rotate: () => change((keyring, now) => requestRotation(keyring, { by: 'ops', forced: false }, now)),
    rollBack: () => change(rollBack),
    leak: () =>
      change((keyring, now) =>
        requestRevocation(keyring, activeVersion(keyring)?.id ?? '', { by: 'ops', reason: 'leaked' }, now),
      ),
    ended,
  }
}

const happening = oneOf<Estate>(
  [6, (estate) => estate.loop()],
  [3, (estate, which) => estate.apply(which)],
  [5, (estate) => estate.applyAll()],
  [4, (estate, which) => estate.write(which)],
  [1, (estate, which) => estate.linger(which)],
  [3, (estate) => estate.endOldest()],
  [4, (estate, which) => estate.sweep(which)],
  [1, (estate) => estate.backUp()],
  [3, (estate, which) => estate.passTime(which * 500)],
  [2, (estate, which) => estate.passTime(which * 4_000)],
  [2, (estate) => estate.rotate()],
  [1, (estate) => estate.rollBack()],
  [1, (estate) => estate.leak()],
)

it('whatever happens in whatever order, no row and no backup is left by a version whose key is gone', async () => {
  const ended = { retired: 0, revoked: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      roundsOf(happening),
      fc.constantFrom(0, 40_000),
      async (scheduler, all, escrowForMs) => {
        const estate = await openEstate(scheduler, escrowForMs)
        await play(scheduler, estate, all)
        ended.retired += estate.ended.retired
        ended.revoked += estate.ended.revoked
      },
    ),
    runs(60),
  )
  assert.ok(ended.retired > 0 && ended.revoked > 0, 'nothing was ever retired, or nothing revoked')
})
