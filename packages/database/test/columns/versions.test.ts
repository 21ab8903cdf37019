import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { sql } from 'kysely'
import { columnCipher } from '../../src/columns/cipher.ts'
import { columnsHeld, countValues } from '../../src/columns/counts.ts'
import { columnVersionOf, type LegacyForm } from '../../src/columns/form.ts'
import { closeForm, columnForms, openForm } from '../../src/columns/forms.ts'
import type { DatabaseError } from '../../src/error.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { workspaceMigrations } from '../../src/testing/sources.ts'
import {
  active,
  demoted,
  type Estate,
  HeldKeys,
  insertNotes,
  newKey,
  notes,
  openEstate,
  replaced,
  writeVersions,
} from './estate.ts'

const [old, next] = [newKey(), newKey()]
const by = (key: typeof old) => (id: string) => columnCipher(new HeldKeys(key)).seal(notes, id, 'text')
const refusal = { code: '23514', constraint: 'column_value_open' }

describe('an encrypted column', { timeout: 60_000 }, () => {
  let estate: Estate
  before(async () => {
    estate = await openEstate()
  })
  beforeEach(() => estate.empty())
  after(() => estate.close())

  const db = () => estate.service.db
  const insert = (...bodies: Parameters<typeof insertNotes>[1]) => insertNotes(db(), bodies)

  it('takes anything before there is a key, and from then on what is encrypted by one that is in use', async () => {
    await insert('plain', by(old))
    await writeVersions(db(), [active(old), { id: next.id, state: 'prepared' }])
    await insert(by(old))
    for (const body of ['plain', by(next), by(newKey()), 'c1.cut']) await assert.rejects(insert(body), refusal)
    await writeVersions(db(), [replaced(old), active(next)])
    await insert(by(old), by(next))
    await writeVersions(db(), [demoted(old), active(next)])
    await insert(by(next))
    await assert.rejects(insert(by(old)), refusal)
  })

  it('follows a version that is rolled back to, revoked, or not in the document any more', async () => {
    await writeVersions(db(), [demoted(old), active(next)])
    await writeVersions(db(), [active(old), replaced(next)])
    await insert(by(old), by(next))
    for (const state of ['retired', 'revoked']) {
      await writeVersions(db(), [active(next), { id: old.id, state }])
      await assert.rejects(insert(by(old)), refusal)
    }
    await writeVersions(db(), [active(next)])
    await assert.rejects(insert(by(old)), refusal)
  })

  it('refuses without a word of the value', async () => {
    await writeVersions(db(), [active(old)])
    await assert.rejects(insert('hunter2'), (error: Error) => {
      assert.match(error.message, /a value of notes\.body is refused: the form "plain" is not admitted any more/)
      return !error.message.includes('hunter2')
    })
  })

  it('lets a row with a value of long ago be changed in its other columns, but not take another such value', async () => {
    const [id] = await insert(by(old))
    await writeVersions(db(), [demoted(old), active(next)])
    await sql`UPDATE notes SET writes = 1, body = body WHERE note_id = ${id}`.execute(db())
    const other = by(old)(id ?? '')
    await assert.rejects(sql`UPDATE notes SET body = ${other} WHERE note_id = ${id}`.execute(db()), refusal)
    await sql`UPDATE notes SET body = NULL WHERE note_id = ${id}`.execute(db())
  })

  it('is not written by a transaction that keeps its snapshot: it could not see that a version was closed', async () => {
    await writeVersions(db(), [active(old)])
    for (const level of ['repeatable read', 'serializable'] as const) {
      const written = db()
        .transaction()
        .setIsolationLevel(level)
        .execute((transaction) => insertNotes(transaction, [by(old)]))
      await assert.rejects(written, refusal)
    }
  })

  it('is kept by rules that the service cannot change', async () => {
    await writeVersions(db(), [active(old)])
    for (const statement of [
      sql`UPDATE column_versions SET is_open = true`,
      sql`INSERT INTO column_versions (id, is_open) VALUES ('plain', true)`,
      sql`DELETE FROM column_versions`,
      sql`DELETE FROM column_forms`,
      sql`ALTER TABLE notes DISABLE TRIGGER ALL`,
    ]) {
      await assert.rejects(statement.execute(db()), { code: '42501' })
    }
  })

  it('has its values counted by version, by an index', async () => {
    await insert('plain', 'also plain', 'c1.cut', by(old), by(next), by(next))
    await insert(Buffer.alloc(16).toString('base64').concat(':', Buffer.alloc(32).toString('base64')))
    await sql`INSERT INTO notes (body) VALUES (NULL)`.execute(db())
    const counts = Object.fromEntries((await countValues(db(), [notes])).map(({ version, count }) => [version, count]))
    assert.deepEqual(counts, { plain: 2, damaged: 1, cbc: 1, [old.id]: 1, [next.id]: 2 })
    const explained = await db()
      .transaction()
      .execute(async (transaction) => {
        await sql`SET LOCAL enable_seqscan = off`.execute(transaction)
        return sql`EXPLAIN SELECT count(*) FROM notes WHERE column_version(body) = ${old.id}`.execute(transaction)
      })
    assert.match(JSON.stringify(explained.rows), /notes_body_encrypted/)
  })

  it('sees in every text the form that the program sees in it', async () => {
    const bytes = (lengths: number[]) =>
      fc.constantFrom(...lengths).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
    const base64 = (...lengths: number[]) => bytes(lengths).map((some) => Buffer.from(some).toString('base64'))
    const texts = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom('c1.', 'c1.columns-', 'c1.x.', 'C1.', 'c1'), fc.string()).map((parts) => parts.join('')),
      fc.tuple(base64(15, 16, 17), base64(0, 15, 16, 17, 32, 48, 49)).map((parts) => parts.join(':')),
      fc
        .tuple(base64(16), base64(16, 32), fc.string({ maxLength: 2 }))
        .map(([iv, body, more]) => `${iv}:${body}${more}`),
    )
    const sample = fc.sample(texts, 2_000).filter((text) => !text.includes('\u0000') && text.isWellFormed())
    const { rows } = await sql<{ version: string }>`
      SELECT column_version(text) AS version FROM unnest(${sample}::text[]) WITH ORDINALITY AS given (text, n)
      ORDER BY n`.execute(db())
    assert.deepEqual(
      rows.map(({ version }) => version),
      sample.map(columnVersionOf),
    )
    assert.ok(rows.some(({ version }) => version === 'cbc'))
  })

  it('is as closed to the service when the database was migrated again', async () => {
    assert.deepEqual(await migrate(estate.database.ownerUrl, workspaceMigrations()), [])
    await assert.rejects(sql`UPDATE column_versions SET is_open = true`.execute(db()), { code: '42501' })
  })
})

describe('a count of what a replaced key encrypted', { timeout: 60_000 }, () => {
  let estate: Estate
  before(async () => {
    estate = await openEstate()
  })
  beforeEach(async () => {
    await estate.empty()
    await writeVersions(estate.service.db, [active(old)])
  })
  after(() => estate.close())

  const db = () => estate.service.db
  const held = async () => {
    const { count = 0, isUnsettled = false } = (await columnsHeld(db(), [notes])).get(old.id) ?? {}
    return { count, isUnsettled }
  }
  /** Transactions of other databases of the server are waited for as well: other tests may have some. */
  const settled = async () => (await eventually(held, ({ isUnsettled }) => !isUnsettled)).count

  /** A transaction of an instance that began before the demotion. */
  async function transaction() {
    const client = await estate.service.pool.connect()
    await client.query('BEGIN')
    return {
      write: async () => {
        const id = crypto.randomUUID()
        await client.query('INSERT INTO notes (note_id, body) VALUES ($1, $2)', [id, by(old)(id)])
      },
      end: async (how: 'COMMIT' | 'ROLLBACK') => {
        await client.query(how)
        client.release()
      },
    }
  }

  it('is not final while a transaction runs that wrote by it before the demotion, and counts what that commits', async () => {
    const earlier = await transaction()
    await earlier.write()
    await writeVersions(db(), [demoted(old), active(next)])
    assert.deepEqual(await held(), { count: 0, isUnsettled: true })
    await earlier.end('COMMIT')
    assert.equal(await settled(), 1)
  })

  it('need not wait for one that has not written yet: that is refused when it does', async () => {
    const earlier = await transaction()
    await writeVersions(db(), [demoted(old), active(next)])
    assert.equal(await settled(), 0)
    await assert.rejects(earlier.write(), refusal)
    await earlier.end('ROLLBACK')
  })

  it('waits for one that took its number after the demotion took its own, and looked before that was committed', async () => {
    const demotion = await estate.service.pool.connect()
    await demotion.query('BEGIN')
    const document = { versions: [demoted(old), active(next)] }
    await demotion.query('UPDATE keyrings SET document = $1', [JSON.stringify(document)])
    const later = await transaction()
    await later.write()
    await demotion.query('COMMIT')
    demotion.release()
    assert.deepEqual(await held(), { count: 0, isUnsettled: true })
    await later.end('COMMIT')
    assert.equal(await settled(), 1)
  })

  it('begins anew with each demotion', async () => {
    await writeVersions(db(), [demoted(old), active(next)])
    assert.equal(await settled(), 0)
    await writeVersions(db(), [active(old), replaced(next)])
    assert.equal((await held()).isUnsettled, true)
    const between = await transaction()
    await between.write()
    await writeVersions(db(), [demoted(old), active(next)])
    assert.deepEqual(await held(), { count: 0, isUnsettled: true })
    await between.end('ROLLBACK')
    assert.equal(await settled(), 0)
  })

  it('is found again by a server that has not come as far as the one whose backup it was given', async () => {
    await writeVersions(db(), [demoted(old), active(next)])
    await sql`UPDATE column_versions SET closed_in = '999999999', settled_from = '999999999' WHERE id = ${old.id}`.execute(
      estate.owner.db,
    )
    assert.equal(await settled(), 0)
  })

  it('is settled by a transaction of its own only', async () => {
    await writeVersions(db(), [demoted(old), active(next)])
    const client = await estate.service.pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT pg_current_xact_id()')
    await assert.rejects(client.query("SELECT settle_column_version('any', '1')"), { code: '25001' })
    await client.query('ROLLBACK')
    client.release()
  })
})

describe('an older form of values', { timeout: 60_000 }, () => {
  let estate: Estate
  before(async () => {
    estate = await openEstate()
  })
  beforeEach(async () => {
    await estate.empty()
    await writeVersions(estate.service.db, [active(old)])
  })
  after(() => estate.close())

  const db = () => estate.service.db
  /** Closes a form when no transaction of another database of the server stands in the way: other tests may have some. */
  const close = async (form: LegacyForm) => {
    const attempt = () => closeForm(db(), [notes], form, 'ops').then(undefined, (error: DatabaseError) => error)
    const refused = await eventually(attempt, (error) => error?.facts.count !== 0)
    if (refused) throw refused
  }
  const states = async () => (await columnForms(db())).map(({ form, state, by: who }) => [form, state, who])

  it('is taken while it is admitted, and is not closed while a value of it is left, with their number', async () => {
    await openForm(db(), 'plain', 'one')
    await openForm(db(), 'plain', 'two')
    assert.deepEqual(await states(), [['plain', 'open', 'one']])
    const [id] = await insertNotes(db(), ['text'])
    await assert.rejects(closeForm(db(), [notes], 'plain', 'ops'), {
      code: 'LEGACY_FORM_LEFT',
      facts: { form: 'plain', count: 1 },
    })
    await insertNotes(db(), ['it is admitted as before'])
    await sql`DELETE FROM notes`.execute(db())
    assert.ok(id)
    await close('plain')
    assert.deepEqual(await states(), [['plain', 'closed', 'ops']])
  })

  it('that was closed is closed for good, for everybody', async () => {
    await close('cbc')
    await close('cbc')
    await assert.rejects(openForm(db(), 'cbc', 'one'), { code: 'LEGACY_FORM_REFUSED' })
    await assert.rejects(sql`UPDATE column_forms SET state = 'open'`.execute(db()), { code: '42501' })
    await assert.rejects(sql`UPDATE column_forms SET state = 'open'`.execute(estate.owner.db), { code: '42501' })
    const cbc = Buffer.alloc(16).toString('base64').concat(':', Buffer.alloc(32).toString('base64'))
    await assert.rejects(insertNotes(db(), [cbc]), refusal)
  })

  it('is not closed while a transaction runs that may write one', async () => {
    await openForm(db(), 'plain', 'one')
    const client = await estate.service.pool.connect()
    await client.query('BEGIN')
    await client.query("INSERT INTO notes (body) VALUES ('text')")
    await assert.rejects(closeForm(db(), [notes], 'plain', 'ops'), {
      code: 'LEGACY_FORM_LEFT',
      facts: { form: 'plain', count: 0 },
    })
    await client.query('ROLLBACK')
    client.release()
    await close('plain')
  })

  it('that was never admitted is not by an attempt to close it that is refused', async () => {
    await sql`DELETE FROM column_forms`.execute(estate.owner.db)
    await sql`DELETE FROM column_versions WHERE id = 'plain'`.execute(estate.owner.db)
    const client = await estate.service.pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT pg_current_xact_id()')
    for (const _attempt of [1, 2]) {
      await assert.rejects(closeForm(db(), [notes], 'plain', 'ops'), { code: 'LEGACY_FORM_LEFT' })
      await assert.rejects(insertNotes(db(), ['text']), refusal)
    }
    await client.query('ROLLBACK')
    client.release()
    await close('plain')
  })

  it('that was closed is not opened by a document that names it as a version', async () => {
    await close('plain')
    await writeVersions(db(), [active(old), { id: 'plain', state: 'active' }])
    await assert.rejects(insertNotes(db(), ['text']), refusal)
    await writeVersions(db(), [active(old)])
  })

  it('is closed by one of several who try at once, or by all of them, and never half', async () => {
    await openForm(db(), 'plain', 'one')
    await Promise.allSettled([1, 2, 3].map((n) => closeForm(db(), [notes], 'plain', `ops ${n}`)))
    await close('plain')
    assert.equal((await states())[0]?.[1], 'closed')
  })
})
