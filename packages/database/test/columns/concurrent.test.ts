/** Nothing is lost while instances write, whatever becomes of the sweep: it is killed anywhere, and begun again. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { sql } from 'kysely'
import { columnCipher } from '../../src/columns/cipher.ts'
import type { ColumnKey } from '../../src/columns/column.ts'
import { countValues } from '../../src/columns/counts.ts'
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
  replaced,
  writeVersions,
} from './estate.ts'

const runs = process.env.SLOW === '1' ? 200 : 12
const sweeper = fileURLToPath(new URL('sweeper.ts', import.meta.url))

describe('while rows are written', { timeout: 120_000 }, () => {
  let estate: Estate
  before(async () => {
    estate = await openEstate()
  })
  after(() => estate.close())

  const db = () => estate.service.db

  async function began(old: ColumnKey, next: ColumnKey, count: number): Promise<Map<string, string>> {
    await sql`DELETE FROM notes`.execute(db())
    await sql`DELETE FROM column_sweeps`.execute(estate.owner.db)
    await writeVersions(db(), [active(old)])
    const cipher = columnCipher(new HeldKeys(old))
    const texts = Array.from({ length: count }, (_, i) => `first text ${i}`)
    const ids = await insertNotes(
      db(),
      texts.map((text) => (id: string) => cipher.seal(notes, id, text)),
    )
    await writeVersions(db(), [replaced(old), active(next)])
    return new Map(ids.map((id, i) => [id, texts[i] ?? '']))
  }

  async function assertAllBy(next: ColumnKey, texts: ReadonlyMap<string, string>): Promise<void> {
    const bodies = await bodiesOf(db())
    const cipher = columnCipher(new HeldKeys(next))
    assert.deepEqual(new Map([...bodies].map(([id, stored]) => [id, cipher.open(notes, id, stored)])), texts)
  }

  /** An instance that writes rows of its own, by the key that it believes to be the active one, until it is told to end. */
  function writer(texts: Map<string, string>, mine: string[], keys: () => ColumnKey) {
    let isOver = false
    const write = async (n: number) => {
      const cipher = columnCipher(new HeldKeys(keys()))
      if (n % 4 === 3 || mine.length === 0) {
        const [id = ''] = await insertNotes(db(), [(row) => cipher.seal(notes, row, `added ${n}`)])
        texts.set(id, `added ${n}`)
        return
      }
      const id = mine[n % mine.length] ?? ''
      const text = `written ${n}`
      const stored = cipher.seal(notes, id, text)
      const { numAffectedRows } = await sql`UPDATE notes SET body = ${stored} WHERE note_id = ${id}`.execute(db())
      assert.equal(numAffectedRows, 1n)
      texts.set(id, text)
    }
    const running = (async () => {
      for (let n = 0; !isOver; n++) await write(n)
    })()
    return async () => {
      isOver = true
      await running
    }
  }

  /** Sweeps that do not come to their end: after so many batches the connection is ended, it throws, or it is told to end. */
  async function interrupted(all: readonly { how: 'cut' | 'throw' | 'end'; after: number }[], keys: HeldKeys) {
    for (const { how, after: batches } of all) {
      const ending = new AbortController()
      let done = 0
      const onProgress = () => {
        done += 1
        if (done !== batches) return
        if (how === 'throw') throw new Error('the process is gone')
        if (how === 'end' || how === 'cut') ending.abort()
      }
      const options = { batch: 4, onProgress, signal: ending.signal }
      const sweeping = reencrypt(db(), [notes], columnCipher(keys), options)
      const outcome = sweeping.catch((error) => error)
      if (how === 'cut') await cutSweep()
      await outcome
    }
  }

  const cutSweep = () =>
    sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'column_sweeps|unnest.*sealed'
      LIMIT 1`.execute(estate.owner.db)

  const interruption = fc.record({
    how: fc.constantFrom<('cut' | 'throw' | 'end')[]>('cut', 'throw', 'end'),
    after: fc.integer({ min: 1, max: 8 }),
  })

  it('every row keeps the text that was written last, wherever the sweep is interrupted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(interruption, { maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        async (cuts, count) => {
          const [old, next] = [newKey(), newKey()]
          const texts = await began(old, next, count)
          const ids = [...texts.keys()]
          // One has not heard of the new key yet: it writes by the old one until that is demoted.
          let late = old
          const half = Math.ceil(count / 2)
          const ends = [writer(texts, ids.slice(0, half), () => late), writer(texts, ids.slice(half), () => next)]
          const keys = new HeldKeys(old, next)
          await interrupted(cuts, keys)
          late = next
          await Promise.all(ends.map((end) => end()))
          await writeVersions(db(), [demoted(old), active(next)])
          await interrupted(cuts, keys)
          assert.deepEqual((await reencrypt(db(), [notes], columnCipher(keys), { batch: 6 })).left, [])
          await assertAllBy(next, texts)
        },
      ),
      { numRuns: runs },
    )
  })

  it('a sweep that is killed is carried on where it was', async () => {
    const [old, next] = [newKey(), newKey()]
    const texts = await began(old, next, 300)
    await writeVersions(db(), [demoted(old), active(next)])
    const given = [old, next].map(({ id, key }) => `${id}=${Buffer.from(key).toString('hex')}`)
    const child = spawn(process.execPath, [sweeper, estate.database.serviceUrl, ...given], { stdio: 'pipe' })
    for (let seen = ''; !seen.includes('moved 50'); ) seen += String((await once(child.stdout, 'data'))[0])
    child.kill('SIGKILL')
    await once(child, 'exit')
    const [{ count: left = 0 } = {}] = (await countValues(db(), [notes])).filter(({ version }) => version === old.id)
    assert.ok(left > 0 && left <= 250, `${left} are left`)
    const outcome = await reencrypt(db(), [notes], columnCipher(new HeldKeys(old, next)))
    assert.deepEqual(outcome, { moved: left, refused: [], left: [] })
    await assertAllBy(next, texts)
  })
})
