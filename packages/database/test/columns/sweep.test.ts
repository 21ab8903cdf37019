import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { sql } from 'kysely'
import { columnCipher } from '../../src/columns/cipher.ts'
import { columnsHeld, countValues } from '../../src/columns/counts.ts'
import { openForm } from '../../src/columns/forms.ts'
import { columnSweeps } from '../../src/columns/progress.ts'
import { reencrypt, type SweepProgress } from '../../src/columns/sweep.ts'
import { eventually } from '../../src/testing/eventually.ts'
import {
  active,
  bodiesOf,
  demoted,
  type Estate,
  HeldKeys,
  insertNotes,
  newKey,
  notes,
  openEstate,
  writeVersions,
} from './estate.ts'

describe('the sweep that encrypts a column anew', { timeout: 60_000 }, () => {
  const [old, next] = [newKey(), newKey()]
  let estate: Estate
  before(async () => {
    estate = await openEstate()
  })
  beforeEach(() => estate.empty())
  after(() => estate.close())

  const db = () => estate.service.db
  const byOld = (text: string) => (id: string) => columnCipher(new HeldKeys(old)).seal(notes, id, text)
  const left = async () => (await countValues(db(), [notes])).filter(({ version }) => version !== next.id)

  /** So many rows by the old key, which was replaced. @returns their texts by id */
  async function populated(count: number, ...more: string[]): Promise<Map<string, string>> {
    const texts = Array.from({ length: count }, (_, i) => `text ${i}`)
    const ids = await insertNotes(db(), [...texts.map(byOld), ...more])
    await writeVersions(db(), [demoted(old), active(next)])
    return new Map(texts.map((text, i) => [ids[i] ?? '', text]))
  }

  /** The new key alone opens every row to its text. */
  async function assertMoved(texts: ReadonlyMap<string, string>): Promise<void> {
    const cipher = columnCipher(new HeldKeys(next))
    const bodies = await bodiesOf(db())
    for (const [id, text] of texts) assert.equal(cipher.open(notes, id, bodies.get(id) ?? ''), text)
  }

  it('moves every value, of older forms too, and says that nothing is left', async () => {
    const cbcKey = randomBytes(32)
    const iv = randomBytes(16)
    const cbc = createCipheriv('aes-256-cbc', cbcKey, iv)
    const body = Buffer.concat([cbc.update('of long ago'), cbc.final()])
    const texts = await populated(20, 'plain', `${iv.toString('base64')}:${body.toString('base64')}`)
    const cipher = columnCipher(new HeldKeys(old, next), () => ({ plain: true, cbcKeys: [randomBytes(32), cbcKey] }))
    assert.deepEqual(await reencrypt(db(), [notes], cipher, { batch: 7 }), { moved: 22, refused: [], left: [] })
    await assertMoved(texts)
    const opened = [...(await bodiesOf(db()))].map(([id, stored]) =>
      columnCipher(new HeldKeys(next)).open(notes, id, stored),
    )
    assert.ok(opened.includes('plain') && opened.includes('of long ago'))
    // Transactions of other tests, in other databases of the server, are waited for as well.
    const hangsOn = async () => [...(await columnsHeld(db(), [notes])).keys()]
    assert.deepEqual(await eventually(hangsOn, (ids) => ids.length === 1), [next.id])
    assert.deepEqual(await reencrypt(db(), [notes], cipher), { moved: 0, refused: [], left: [] })
  })

  it('tells how far it has come, and for whom', async () => {
    await populated(20)
    const progress: SweepProgress[] = []
    const cipher = columnCipher(new HeldKeys(old, next))
    await reencrypt(db(), [notes], cipher, { batch: 8, by: 'ops', onProgress: (each) => progress.push(each) })
    assert.deepEqual(
      progress.map(({ moved }) => moved),
      [8, 16, 20, 20],
    )
    const [sweep] = await columnSweeps(db())
    const { beganAt = 0, endedAt, ...rest } = sweep ?? {}
    assert.deepEqual(rest, { table: 'notes', column: 'body', moved: 20, refused: 0, perSecond: null, by: 'ops' })
    assert.ok((endedAt ?? 0) >= beganAt)
  })

  it('names the rows that do not open, and why, leaves them as they are, and moves all others', async () => {
    const foreign = newKey()
    const strange = [
      'plain',
      'c1.cut',
      columnCipher(new HeldKeys(old)).seal(notes, 'another row', 'text'),
      columnCipher(new HeldKeys(foreign)).seal(notes, 'any', 'text'),
      `${randomBytes(16).toString('base64')}:${randomBytes(32).toString('base64')}`,
    ]
    const texts = await populated(10, ...strange)
    const before = await bodiesOf(db())
    const cipher = columnCipher(new HeldKeys(old, next), () => ({ plain: false, cbcKeys: [] }))
    const outcome = await reencrypt(db(), [notes], cipher, { batch: 3 })
    await assertMoved(texts)
    assert.deepEqual(outcome.refused.map(({ code }) => code).sort(), [
      'COLUMN_KEY_MISSING',
      'LEGACY_FORM_REFUSED',
      'LEGACY_VALUE_UNREADABLE',
      'SEAL_DAMAGED',
      'SEAL_DAMAGED',
    ])
    const after = await bodiesOf(db())
    for (const { rowId } of outcome.refused) assert.equal(after.get(rowId), before.get(rowId))
    assert.deepEqual(
      outcome.left.map(({ version, count }) => [version, count]).sort(),
      [
        [foreign.id, 1],
        [old.id, 1],
        ['cbc', 1],
        ['damaged', 1],
        ['plain', 1],
      ].sort(),
    )
    assert.equal((await columnSweeps(db()))[0]?.refused, 5)
  })

  it('stops where a key of this database vanishes half way: what was written is good, and it carries on', async () => {
    const texts = await populated(30)
    const keys = new HeldKeys(old, next)
    const vanishing = reencrypt(db(), [notes], columnCipher(keys), {
      batch: 10,
      onProgress: () => keys.held.delete(old.id),
    })
    await assert.rejects(vanishing, { code: 'COLUMN_KEY_MISSING', facts: { version: old.id } })
    assert.deepEqual(await left(), [{ table: 'notes', column: 'body', version: old.id, count: 20 }])
    const carriedOn = await reencrypt(db(), [notes], columnCipher(new HeldKeys(old, next)))
    assert.deepEqual(carriedOn, { moved: 20, refused: [], left: [] })
    await assertMoved(texts)
  })

  it('does nothing without a key to encrypt by', async () => {
    await populated(3)
    const keys = new HeldKeys(old, next)
    keys.sealing = undefined
    await assert.rejects(reencrypt(db(), [notes], columnCipher(keys)), { code: 'COLUMN_KEY_MISSING' })
    assert.equal((await left())[0]?.count, 3)
  })

  it('goes no faster than it may, all that take part together, and ends when it is told to', async () => {
    await populated(30)
    const pauses: number[] = []
    const ending = new AbortController()
    const hurried = (ms: number, act: () => void) => {
      pauses.push(ms)
      if (pauses.length === 5) ending.abort()
      const timer = setTimeout(act, 1)
      return () => clearTimeout(timer)
    }
    const cipher = columnCipher(new HeldKeys(old, next))
    const outcome = await reencrypt(db(), [notes], cipher, { perSecond: 10, after: hurried, signal: ending.signal })
    assert.equal(outcome.moved, 10, 'a second did not pass')
    assert.equal(outcome.left[0]?.count, 20)
    assert.ok(pauses.every((ms) => ms > 0 && ms <= 1_000))
    assert.deepEqual(
      (await columnSweeps(db())).map(({ perSecond, endedAt }) => [perSecond, endedAt]),
      [[10, null]],
    )
  })

  it('is done by several at once, each row by one of them', async () => {
    const texts = await populated(200)
    const all = await Promise.all(
      [7, 10, 13].map((batch) => reencrypt(db(), [notes], columnCipher(new HeldKeys(old, next)), { batch })),
    )
    assert.equal(
      all.reduce((sum, { moved }) => sum + moved, 0),
      200,
    )
    for (const { left: rest } of all) assert.deepEqual(rest, [])
    await assertMoved(texts)
  })

  it('meets what was written behind it', async () => {
    const texts = await populated(20)
    await openForm(db(), 'plain', 'one')
    const late = '00000000-0000-0000-0000-000000000000'
    let written: Promise<unknown> | undefined
    const write = () => sql`INSERT INTO notes (note_id, body) VALUES (${late}, 'late')`.execute(db())
    const onProgress = () => {
      written ??= write()
    }
    const cipher = columnCipher(new HeldKeys(old, next), () => ({ plain: true }))
    const outcome = await reencrypt(db(), [notes], cipher, { batch: 5, onProgress })
    await written
    assert.deepEqual(outcome, { moved: 21, refused: [], left: [] })
    await assertMoved(new Map([...texts, [late, 'late']]))
  })

  it('works for ids of other types, and beside columns that are named like words of its own', async () => {
    const { owner } = estate
    await sql`CREATE TABLE counted (n bigint PRIMARY KEY, "some text" text,
      id integer, version text DEFAULT 'x', stored text, sealed text, row_id text)`.execute(owner.db)
    await sql`SELECT encrypt_column('counted', 'some text', 'n')`.execute(owner.db)
    await sql`INSERT INTO counted (n, "some text") SELECT n, 'text ' || n FROM generate_series(1, 12) AS n`.execute(
      owner.db,
    )
    const column = { table: 'counted', column: 'some text', id: 'n' }
    await writeVersions(db(), [active(next)])
    const cipher = columnCipher(new HeldKeys(next), () => ({ plain: true }))
    const outcome = await reencrypt(db(), [column], cipher, { batch: 5 })
    assert.deepEqual(outcome, { moved: 12, refused: [], left: [] })
    const { rows } = await sql<{ n: number; text: string }>`SELECT n, "some text" AS text FROM counted`.execute(db())
    for (const { n, text } of rows) assert.equal(cipher.open(column, `${n}`, text), `text ${n}`)
  })
})
