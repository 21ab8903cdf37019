import { clockToleranceMs, type InstanceRow, type Instances, instanceLeaseMs } from '@rekey/database'
import type { Change, Keyring } from '@rekey/keyring'
import { nextDecisionAt, stamp } from '@rekey/keyring'
import { trustLeaseMs } from '../../../src/trust/events.ts'
import type { LeaseReply, LeaseRequest } from '../../../src/trust/leases.ts'
import type { MachineClock } from './clock.ts'

export interface LeaseRow {
  clientId: string
  instance: string
  epoch: number
  n: number
  algorithms: string[]
  leaseUntil: number
  acceptsUntil: number
}

/** Everything that is stored. Rows are replaced and never changed, so that a copy of the tables is a backup. */
interface Tables {
  epoch: number
  n: number
  changes: readonly { revision: number; topic: string; key: string; at: number }[]
  keyrings: ReadonlyMap<string, { keyring: Keyring; dueAt: number | null }>
  instances: ReadonlyMap<string, InstanceRow>
  leases: ReadonlyMap<string, LeaseRow>
}

export type Backup = Tables

/** What an omniscient observer is told of each commit of a keyring. */
export type Committed = (previous: Keyring | undefined, next: Keyring, change: Change) => void

/**
 * PostgreSQL as the identity provider knows it: each method is one statement or one transaction of ours, with the same
 * answers (held against the real one by a test of its own), and is atomic where it stands in virtual time.
 */
export class Postgres {
  readonly clock: MachineClock
  up = true
  /** Connections that listen. */
  readonly ears = new Set<(revision: string) => void>()
  readonly #committed: Committed
  #tables: Tables

  constructor(clock: MachineClock, committed: Committed) {
    this.clock = clock
    this.#committed = committed
    // Made some time ago: an epoch of which less than a minute has passed cannot be followed by another.
    const epoch = Math.floor(this.clock.wall() / 1_000) - 3_600
    this.#tables = { epoch, n: 0, changes: [], keyrings: new Map(), instances: new Map(), leases: new Map() }
  }

  now(): number {
    return this.clock.wall()
  }

  backup(): Backup {
    return this.#tables
  }

  restore(backup: Backup): void {
    this.#tables = backup
  }

  load(name: string): Keyring | undefined {
    return this.#tables.keyrings.get(name)?.keyring
  }

  list(): Keyring[] {
    const names = [...this.#tables.keyrings.keys()].sort()
    return names.flatMap((name) => this.load(name) ?? [])
  }

  due(now: number): string[] {
    return [...this.#tables.keyrings].filter(([, { dueAt }]) => dueAt !== null && dueAt <= now).map(([name]) => name)
  }

  save(previous: Keyring | undefined, next: Keyring, change: Change): Keyring | undefined {
    const held = this.load(next.name)?.revision
    if (held !== previous?.revision) return undefined
    const now = this.now()
    const n = this.#tables.n + 1
    const keyring = stamp(previous, next, n)
    const row = { keyring, dueAt: nextDecisionAt(keyring, now) }
    this.#tables = {
      ...this.#tables,
      n,
      changes: [...this.#tables.changes, { revision: n, topic: 'keyring', key: next.name, at: now }],
      keyrings: new Map(this.#tables.keyrings).set(next.name, row),
    }
    this.#notify(n)
    this.#committed(previous, keyring, change)
    return keyring
  }

  newest(): { epoch: number; n: number } {
    return { epoch: this.#tables.epoch, n: this.#tables.n }
  }

  changesSince(revision: number) {
    const since = this.#tables.changes.filter((change) => change.revision > revision)
    return since.map(({ at: _, ...change }) => change)
  }

  beginEpoch(seen: { epoch: number }): void {
    const epoch = Math.max(seen.epoch + 1, Math.floor(this.now() / 1_000))
    if (this.#tables.epoch <= seen.epoch) this.#tables = { ...this.#tables, epoch }
  }

  beginEpochOnClaim(): void {
    const epoch = Math.floor(this.now() / 1_000)
    if (this.#tables.epoch < epoch - 60) this.#tables = { ...this.#tables, epoch }
  }

  pruneChanges(olderThanMs: number): void {
    const kept = this.#tables.changes.filter(({ at }) => at >= this.now() - olderThanMs)
    this.#tables = { ...this.#tables, changes: kept }
  }

  enter(id: string, address: string): void {
    const startedAt = this.#tables.instances.get(id)?.startedAt ?? this.now()
    this.#putInstance({ id, address, applied: 0, startedAt, leaseUntil: this.now() + instanceLeaseMs })
  }

  renew(id: string, applied: number, announce: boolean): { epoch: number; n: number; now: number } | undefined {
    const row = this.#tables.instances.get(id)
    if (!row || row.leaseUntil <= this.now()) return undefined
    this.#putInstance({ ...row, applied, leaseUntil: this.now() + instanceLeaseMs })
    if (announce) this.#notify(applied)
    return { ...this.newest(), now: this.now() }
  }

  leave(id: string): void {
    const instances = new Map(this.#tables.instances)
    instances.delete(id)
    this.#tables = { ...this.#tables, instances }
  }

  instances(): Instances {
    const rows = [...this.#tables.instances.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    return { ...this.newest(), now: this.now(), rows }
  }

  renewLease(request: LeaseRequest): LeaseReply {
    const { epoch } = this.#tables
    const n = this.#published()
    const granted = request.epoch === epoch && request.n === n
    const ahead = epoch < request.epoch || (epoch === request.epoch && n < request.n)
    this.#putLease(request, granted, request.epoch === epoch && n >= request.n)
    return { epoch, n, granted, ahead, full: false }
  }

  endLease(clientId: string, instance: string): void {
    const leases = new Map(this.#tables.leases)
    leases.delete(`${clientId}/${instance}`)
    this.#tables = { ...this.#tables, leases }
  }

  /** The answer of the query `verifiers`, as far as decisions hang on it. */
  verifiers() {
    const rows = [...this.#tables.leases].sort(([a], [b]) => (a < b ? -1 : 1))
    const now = this.now()
    return rows.map(([id, row]) => ({ ...row, id, live: row.acceptsUntil > now }))
  }

  #published(): number {
    return Math.max(0, ...[...this.#tables.keyrings.values()].map(({ keyring }) => keyring.publishedRevision))
  }

  #putInstance(row: InstanceRow): void {
    this.#tables = { ...this.#tables, instances: new Map(this.#tables.instances).set(row.id, row) }
  }

  #putLease(
    { clientId, instance, epoch, n, algorithms, ceilingMs }: LeaseRequest,
    granted: boolean,
    credible: boolean,
  ): void {
    const id = `${clientId}/${instance}`
    const now = this.now()
    const held = this.#tables.leases.get(id)
    const until = granted ? now + 1.001 * Math.max(trustLeaseMs, ceilingMs) + clockToleranceMs : now
    const row = {
      clientId,
      instance,
      ...(credible ? { epoch, n } : { epoch: held?.epoch ?? 0, n: held?.n ?? 0 }),
      algorithms,
      leaseUntil: granted ? now + trustLeaseMs : (held?.leaseUntil ?? now),
      acceptsUntil: held ? (granted ? Math.max(held.acceptsUntil, until) : held.acceptsUntil) : until,
    }
    this.#tables = { ...this.#tables, leases: new Map(this.#tables.leases).set(id, row) }
  }

  #notify(revision: number): void {
    for (const hear of this.ears) hear(`${revision}`)
  }
}
