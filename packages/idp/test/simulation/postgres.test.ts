import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  beginEpochOnClaim,
  type Connection,
  connect,
  databaseKeyringStore,
  databaseLedger,
  databaseNow,
} from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import {
  activate,
  defaultPolicy,
  type Keyring,
  newKeyring,
  prepare,
  requestRevocation,
  requestRotation,
  standbyVersion,
} from '@rekey/keyring'
import fc from 'fast-check'
import type { IdpTables } from '../../src/tables.ts'
import { endLease, renewLeases } from '../../src/trust/leases.ts'
import { verifiers } from '../../src/trust/verifiers.ts'
import { MachineClock, startMs } from './world/clock.ts'
import { Postgres } from './world/postgres.ts'
import { World } from './world/world.ts'

/** What a database is asked, in the same words for the real one and the simulated one. */
interface Asked {
  load(name: string): Promise<Keyring | undefined>
  list(): Promise<Keyring[]>
  due(inMs: number): Promise<string[]>
  /** Saves a change of what was loaded last, however old that is. */
  save(previous: Keyring | undefined, next: Keyring): Promise<Keyring | undefined>
  newest(): Promise<{ epoch: number; n: number }>
  changesSince(revision: number): Promise<unknown[]>
  beginEpoch(epochsOn: number): Promise<void>
  beginEpochOnClaim(): Promise<void>
  enter(id: string): Promise<void>
  renew(id: string, applied: number): Promise<{ epoch: number; n: number } | undefined>
  leave(id: string): Promise<void>
  live(): Promise<unknown[]>
  renewLease(instance: string, epoch: number, n: number, ceilingMs: number): Promise<unknown>
  endLease(instance: string): Promise<void>
  verifiers(): Promise<unknown[]>
  passTime(ms: number): Promise<void>
}

const about = { action: 'keyring.changed', actor: 'ops', details: {} }
const leaseOf = { clientId: 'api', library: 'test', algorithms: ['ES256'] }
const anHourMs = 3_600_000

/** Nothing that runs out does so within the time in which a run goes on by itself: no sum of these comes near to a lease. */
const passes = [2_150, 9_400, 17_300]

describe('PostgreSQL as it is simulated', () => {
  let database: TestDatabase
  let owner: Connection<IdpTables>
  before(async () => {
    database = await testDatabase()
    owner = connect<IdpTables>(database.ownerUrl)
    await owner.pool.query("INSERT INTO verifiers (client_id, name, secret_hash) VALUES ('api', 'api', '')")
  })
  after(async () => {
    await owner.close()
    await database.drop()
  })

  it('answers as the real one does, whatever it is asked in whatever order', async () => {
    const question = fc.record({ ask: fc.nat(99), which: fc.nat(2), other: fc.nat(9) })
    const numRuns = process.env.SLOW === '1' ? 500 : 25
    await fc.assert(
      fc.asyncProperty(fc.array(question, { minLength: 20, maxLength: 50 }), async (questions) => {
        const [real, simulated] = [await emptied(), await likeIt()]
        const memory = { real: remembering(), simulated: remembering() }
        for (const { ask, which, other } of questions) {
          const answer = await put(real, memory.real, ask, which, other)
          assert.deepEqual(await put(simulated, memory.simulated, ask, which, other), answer)
        }
      }),
      { numRuns },
    )
  })

  async function emptied(): Promise<Asked> {
    for (const table of ['changes', 'keyrings', 'instances', 'verifier_leases']) {
      await owner.pool.query(`DELETE FROM ${table}`)
    }
    await owner.pool.query('UPDATE revision SET n = 0, epoch = extract(epoch FROM clock_timestamp())::bigint - 3600')
    return realOne(owner)
  }

  async function likeIt(): Promise<Asked> {
    return simulatedOne(() => databaseNow(owner.db))
  }
})

/** Time passes in the real one by making everything in it older. */
function realOne({ db, pool }: Connection<IdpTables>): Asked {
  const store = databaseKeyringStore(db)
  const ledger = databaseLedger(db)
  const isEpoch = epochs()
  return {
    load: store.load,
    list: store.list,
    due: async (inMs) => (await store.due((await store.now()) + inMs)).sort(),
    save: (previous, next) => store.save(previous, next, about),
    newest: async () => isEpoch(await ledger.newest()),
    changesSince: ledger.changesSince,
    beginEpoch: async (epochsOn) => ledger.beginEpoch({ epoch: (await ledger.newest()).epoch + epochsOn }),
    beginEpochOnClaim: () => beginEpochOnClaim(db),
    enter: (id) => ledger.enter(id, id),
    renew: async (id, applied) => isEpoch(timeless(await ledger.renew(id, applied, false))),
    leave: ledger.leave,
    live: async () => alive(await ledger.instances()),
    renewLease: async (instance, epochsBack, n, ceilingMs) => {
      const { epoch } = await ledger.newest()
      const [reply] = await renewLeases(db, [{ ...leaseOf, instance, epoch: epoch + epochsBack, n, ceilingMs }])
      return isEpoch(reply)
    },
    endLease: (instance) => endLease(db, 'api', instance),
    verifiers: async () => (await verifiers(db)).map(sighting),
    async passTime(ms) {
      const older = `- interval '${ms} milliseconds'`
      await pool.query(`UPDATE instances SET lease_until = lease_until ${older}`)
      await pool.query(
        `UPDATE verifier_leases SET lease_until = lease_until ${older}, accepts_until = accepts_until ${older}`,
      )
    },
  }
}

function simulatedOne(now: () => Promise<number>): Asked {
  const clock = new MachineClock(new World(1, false), { rate: 1, offsetMs: 0, originMs: 0 })
  const isEpoch = epochs()
  let postgres: Postgres | undefined
  let pastMs = 0
  /** The simulated one goes by the real one's clock, so that both see the same time pass. */
  async function ask<T>(question: (postgres: Postgres) => T, passedMs = pastMs): Promise<T> {
    clock.step((await now()) + passedMs - startMs)
    postgres ??= new Postgres(clock, () => undefined)
    return question(postgres)
  }
  return {
    load: (name) => ask((db) => db.load(name)),
    list: () => ask((db) => db.list()),
    due: (inMs) => ask((db) => db.due(db.now() - pastMs + inMs).sort()),
    save: (previous, next) => ask((db) => db.save(previous, next, about)),
    newest: async () => isEpoch(await ask((db) => db.newest())),
    changesSince: (revision) => ask((db) => db.changesSince(revision)),
    // In the real one time passes for rows only: its clock, which makes epochs, goes on as ever.
    beginEpoch: (epochsOn) => ask((db) => db.beginEpoch({ epoch: db.newest().epoch + epochsOn }), 0),
    beginEpochOnClaim: () => ask((db) => db.beginEpochOnClaim(), 0),
    enter: (id) => ask((db) => db.enter(id, id)),
    renew: async (id, applied) => isEpoch(timeless(await ask((db) => db.renew(id, applied, false)))),
    leave: (id) => ask((db) => db.leave(id)),
    live: async () => alive(await ask((db) => db.instances())),
    renewLease: async (instance, epochsBack, n, ceilingMs) =>
      isEpoch(
        await ask((db) => db.renewLease({ ...leaseOf, instance, epoch: db.newest().epoch + epochsBack, n, ceilingMs })),
      ),
    endLease: (instance) => ask((db) => db.endLease('api', instance)),
    verifiers: async () => (await ask((db) => db.verifiers())).map(sighting),
    passTime: async (ms) => {
      pastMs += ms
    },
  }
}

/** An epoch is a second of a clock: what counts is only which of them it is. */
function epochs() {
  const seen: number[] = []
  return <T extends { epoch: number } | undefined>(answer: T): T => {
    if (!answer) return answer
    if (!seen.includes(answer.epoch)) seen.push(answer.epoch)
    return { ...answer, epoch: seen.indexOf(answer.epoch) }
  }
}

function timeless(answer: { epoch: number; n: number; now: number } | undefined) {
  return answer && { epoch: answer.epoch, n: answer.n }
}

function alive({ now, rows }: { now: number; rows: { id: string; applied: number; leaseUntil: number }[] }) {
  return rows.map(({ id, applied, leaseUntil }) => ({ id, applied, live: leaseUntil > now }))
}

/** Times and epochs are told apart only as far as decisions hang on them. */
function sighting({ id, n, algorithms, live }: { id: string; n: number; algorithms: string[]; live: boolean }) {
  return { id, n, algorithms, live }
}

function remembering() {
  return { loaded: new Map<string, Keyring | undefined>(), atMs: startMs }
}

async function put(
  database: Asked,
  { loaded, atMs }: ReturnType<typeof remembering>,
  ask: number,
  which: number,
  other: number,
): Promise<unknown> {
  const name = ['one', 'two', 'three'][which] ?? ''
  const instance = `instance-${which}`
  const { n } = await database.newest()
  if (ask < 12) {
    const keyring = await database.load(name)
    loaded.set(name, keyring)
    return keyring
  }
  if (ask < 35) return database.save(loaded.get(name), changed(loaded.get(name), name, other, atMs))
  if (ask < 40) return database.list()
  if (ask < 45) return database.due(other < 5 ? -anHourMs : anHourMs)
  if (ask < 50) return database.changesSince(Math.max(0, n - other))
  if (ask < 55) return database.enter(instance)
  if (ask < 65) return database.renew(instance, Math.max(0, n - other))
  if (ask < 67) return database.leave(instance)
  if (ask < 72) return database.live()
  if (ask < 85)
    return database.renewLease(instance, [0, 0, 0, -1, 1][other % 5] ?? 0, n - (other % 3) + 1, other < 5 ? 0 : 20_000)
  if (ask < 87) return database.endLease(instance)
  if (ask < 92) return database.verifiers()
  if (ask < 94) return other < 5 ? database.beginEpochOnClaim() : database.beginEpoch((other % 3) - 1)
  return database.passTime(passes[other % passes.length] ?? 0)
}

function changed(keyring: Keyring | undefined, name: string, how: number, atMs: number): Keyring {
  if (!keyring) {
    const id = `${name}-1`
    return activate(prepare(newKeyring(name, 'signing-key', 'ES256', defaultPolicy), made(id), atMs), id, atMs)
  }
  const standby = standbyVersion(keyring)
  if (!standby) return prepare(keyring, made(`${name}-${keyring.versions.length + 1}`), atMs)
  if (how < 3) return activate(keyring, standby.id, atMs)
  if (how < 6) return requestRevocation(keyring, standby.id, { by: 'ops', reason: 'drill' }, atMs)
  return keyring.rotation ? keyring : requestRotation(keyring, { by: 'ops', forced: false }, atMs)
}

function made(id: string) {
  return { id, publicPart: { kty: 'EC', kid: id }, sealedPrivate: 'sealed' }
}
