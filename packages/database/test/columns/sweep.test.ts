import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { columnCipher } from '../../src/columns/cipher.ts'
import { columnsHeld, countValues } from '../../src/columns/counts.ts'
import { columnSweeps } from '../../src/columns/progress.ts'
import { reencrypt } from '../../src/columns/sweep.ts'
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
  let estate: Estate
  beforeEach(async () => {
    estate = await openEstate()
  })
  afterEach(() => estate.close())

  it('moves every value, of older forms too, and says that nothing is left', async () => {
    const { db } = estate.service
    const [old, next] = [newKey(), newKey()]
    const before = columnCipher(new HeldKeys(old))
    await insertNotes(db, ['first', 'second'])
    await writeVersions(db, [active(old)])
    const texts = Array.from({ length: 25 }, (_, i) => `text ${i}`)
    const ids = await insertNotes(
      db,
      texts.map((text) => (id) => before.seal(notes, id, text)),
    )
    await writeVersions(db, [demoted(old), active(next)])
    const cipher = columnCipher(new HeldKeys(old, next), () => ({ plain: true }))
    const outcome = await reencrypt(db, [notes], cipher, { batch: 7 })
    assert.deepEqual(outcome, { moved: 27, refused: [], left: [] })
    const bodies = await bodiesOf(db)
    ids.forEach((id, i) => {
      assert.equal(columnCipher(new HeldKeys(next)).open(notes, id, bodies.get(id) ?? ''), texts[i])
    })
    assert.deepEqual(await countValues(db, [notes]), [{ table: 'notes', column: 'body', version: next.id, count: 27 }])
    const held = await columnsHeld(db, [notes])
    assert.equal(held.has(old.id), false)
    const [sweep] = await columnSweeps(db)
    assert.equal(sweep?.moved, 27)
  })
})
