import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { activate, type Change, defaultPolicy, type Keyring, newKeyring, prepare } from '@rekey/keyring'
import { conformsToStore } from '@rekey/keyring/testing'
import { currentRevision, revisionChannel } from '../../src/changes/record.ts'
import { changesSince } from '../../src/changes/since.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import { ownerRole } from '../../src/embedded/roles.ts'
import { databaseKeyringStore } from '../../src/keyrings/store.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { databaseMigrations } from '../../src/migrations/own.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { type TestDatabase, testDatabase } from '../../src/testing/database.ts'
import { withAdmin } from '../../src/testing/server.ts'

conformsToStore('the store in PostgreSQL', async () => {
  const database = await testDatabase()
  const serviceUrl = await sortedOtherwise(database)
  const [one, another] = [connect<DatabaseTables>(serviceUrl), connect<DatabaseTables>(serviceUrl)]
  return {
    store: databaseKeyringStore(one.db),
    other: databaseKeyringStore(another.db),
    changes: (name) => eventsOf(one, name),
    close: async () => {
      await Promise.all([one.close(), another.close()])
      await database.drop()
    },
  }
})

/** A database whose collation looks at hyphens last: an operator's own may have any. */
async function sortedOtherwise({ adminUrl, ownerUrl, serviceUrl }: TestDatabase): Promise<string> {
  const name = `${new URL(ownerUrl).pathname.slice(1)}_sorted`
  await withAdmin(adminUrl, (client) =>
    client.query(
      `CREATE DATABASE ${name} OWNER ${ownerRole} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ka-shifted'`,
    ),
  )
  const there = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href
  await migrate(there(ownerUrl), [databaseMigrations])
  return there(serviceUrl)
}

async function eventsOf({ db }: Connection<DatabaseTables>, name: string): Promise<Change[]> {
  const rows = await db.selectFrom('audit_events').select(['action', 'actor', 'details']).orderBy('inserted').execute()
  return rows.flatMap(({ action, actor, details: { keyring, revision, ...details } }) => {
    if (keyring !== name) return []
    assert.ok(Number.isSafeInteger(revision))
    return { action, actor, details }
  })
}

describe('a keyring in PostgreSQL', () => {
  let database: TestDatabase
  let connection: Connection<DatabaseTables>
  before(async () => {
    database = await testDatabase()
    connection = connect(database.serviceUrl)
  })
  after(async () => {
    await connection.close()
    await database.drop()
  })

  const about: Change = { action: 'keyring.changed', actor: 'ops', details: { why: 'test' } }
  const store = () => databaseKeyringStore(connection.db)
  const used = (name: string) => {
    const material = { id: `${name}-1`, publicPart: { kty: 'EC' }, sealedPrivate: 'sealed' }
    return activate(prepare(newKeyring(name, 'signing-key', 'ES256', defaultPolicy), material, 1), material.id, 1)
  }
  async function created(name: string): Promise<Keyring> {
    return (await store().save(undefined, used(name), about)) ?? assert.fail('it exists already')
  }

  it('has the revision of the whole database at which it was saved, and is announced under it', async () => {
    const one = await created('one')
    const two = await created('two')
    assert.equal(two.revision, one.revision + 1)
    assert.deepEqual(await changesSince(connection.db, one.revision - 1), [
      { revision: one.revision, topic: 'keyring', key: 'one' },
      { revision: two.revision, topic: 'keyring', key: 'two' },
    ])
    assert.equal((await currentRevision(connection.db)).n, two.revision)
  })

  it('is saved together with its audit event, which names it and its revision', async () => {
    const keyring = await created('audited')
    const event = await connection.db
      .selectFrom('audit_events')
      .selectAll()
      .orderBy('inserted', 'desc')
      .executeTakeFirstOrThrow()
    const { action, outcome, actor, details } = event
    assert.deepEqual(
      { action, outcome, actor, details },
      {
        action: 'keyring.changed',
        outcome: 'success',
        actor: 'ops',
        details: { why: 'test', keyring: 'audited', revision: keyring.revision },
      },
    )
  })

  it('is not saved without its audit event, and leaves no revision behind', async () => {
    const keyring = await created('unaudited')
    const before = await everything()
    const withoutAction = { ...about, action: null as unknown as string }
    await assert.rejects(store().save(keyring, { ...keyring, algorithm: 'RS256' }, withoutAction), { code: '23502' })
    assert.deepEqual(await everything(), before)
  })

  it('that lost the race leaves no event, no revision and no announcement behind', async () => {
    const keyring = await created('lost')
    await store().save(keyring, keyring, about)
    const before = await everything()
    assert.equal(await store().save(keyring, keyring, about), undefined)
    assert.deepEqual(await everything(), before)
  })

  it('is announced by its revision and nothing else, and only when it is saved', async () => {
    const client = await connection.pool.connect()
    const heard: unknown[] = []
    const last = Promise.withResolvers<void>()
    client.on('notification', ({ payload }) => {
      if (payload === 'last') last.resolve()
      else heard.push(payload)
    })
    await client.query(`LISTEN ${revisionChannel}`)
    const keyring = await created('announced')
    await store().save(undefined, used('announced'), about)
    await connection.pool.query('SELECT pg_notify($1, $2)', [revisionChannel, 'last'])
    await last.promise
    client.release(true)
    assert.deepEqual(heard, [String(keyring.revision)])
  })

  async function everything() {
    const { db } = connection
    const events = await db.selectFrom('audit_events').select('id').orderBy('inserted').execute()
    return {
      events,
      keyrings: await store().list(),
      revision: await currentRevision(db),
      changes: await changesSince(db, 0),
    }
  }
})
