import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { openChain } from '../../src/audit/chain.ts'
import { newestCheckpoint } from '../../src/audit/newest.ts'
import { type Checkpoint, openNote } from '../../src/audit/note.ts'
import { type AuditSigner, auditSigner } from '../../src/audit/signer.ts'
import { rangeAt } from '../../src/audit/tree.ts'
import type { RootKey } from '../../src/sealing/root-key.ts'
import { type AuditEstate, auditEstate, holding, origin, root } from './estate.ts'

const [firstRoot, leakedRoot, newRoot] = [root(1), root(2), root(3)]
const [first, leaked, successor, thief] = [firstRoot, leakedRoot, newRoot, root(66)].map((each) =>
  auditSigner(each, origin),
) as [AuditSigner, AuditSigner, AuditSigner, AuditSigner]

/** The first root key signs 10 events, the one that leaks 10 more, and 3 are chained that nothing is signed for yet. */
describe('a thief of the root key who signs the last checkpoint before that is replaced', { timeout: 60_000 }, () => {
  let estate: AuditEstate
  let file: string
  beforeEach(async () => {
    estate = await auditEstate()
    file = estate.file()
    await estate.use(firstRoot)
    await grow([firstRoot], 10)
    await estate.use(leakedRoot)
    await grow([leakedRoot, firstRoot], 10)
    await estate.use(newRoot)
    await grow([leakedRoot], 3)
    assert.equal((await newestCheckpoint(estate.db, leaked))?.size, 20)
  })
  afterEach(() => estate.stop())

  const grow = (all: RootKey[], count: number) => estate.grow(holding(all), count, file, 60_000)

  async function insert(by: AuditSigner, size: number, over: Partial<Checkpoint> = {}): Promise<void> {
    const { rows } = await estate.service.pool.query('SELECT hash FROM audit_chain WHERE seq = $1', [size])
    const told = { size, root: (await rangeAt(estate.db, size)).root(), head: rows[0].hash.toString('hex') }
    await estate.insertNote(by.note({ ...told, time: new Date().toISOString(), ...over }))
  }

  async function formerAfterChange() {
    await grow([newRoot, leakedRoot], 5)
    await grow([newRoot], 5)
    const newest = await newestCheckpoint(estate.db, successor)
    assert.equal(newest?.size, 33)
    return newest.former
  }

  async function verdict() {
    const signer = auditSigner(holding([newRoot]), origin)
    const chain = await openChain(estate.db, { signer, checkpointFile: file, everyMs: 60_000 })
    const { verified, problems } = await chain.verify()
    await chain.close()
    return [verified, problems.map(({ code, seq }) => `${code} ${seq}`)]
  }

  it('makes no key of his a former one, and prolongs none', async () => {
    const most = Number.MAX_SAFE_INTEGER
    const former = [thief, first, leaked, successor, first].map(({ publicKey }) => ({ publicKey, upTo: most }))
    await insert(leaked, 23, { former })
    const before = [
      { publicKey: first.publicKey, upTo: 10 },
      { publicKey: leaked.publicKey, upTo: 23 },
    ]
    assert.deepEqual(await formerAfterChange(), before)
    assert.deepEqual(await verdict(), [true, []])
    await insert(thief, 30)
    assert.deepEqual(await verdict(), [false, ['checkpoint-foreign 30']])
  })

  it('makes none a former one that signed something else than this chain', async () => {
    await insert(thief, 21, { head: 'ab'.repeat(32) })
    const former = [first, thief].map(({ publicKey }) => ({ publicKey, upTo: 22 }))
    await insert(leaked, 23, { former })
    assert.deepEqual(
      (await formerAfterChange())?.map(({ upTo }) => upTo),
      [10, 23],
    )
    assert.deepEqual(await verdict(), [false, ['checkpoint-foreign 21']])
  })

  it('cannot name so many that the next checkpoint does not open', async () => {
    const named = Array.from({ length: 98 }, (_, i) => ({ publicKey: Buffer.alloc(32, i), upTo: 1 }))
    await insert(leaked, 23, { former: [{ publicKey: first.publicKey, upTo: 10 }, ...named] })
    const former = await formerAfterChange()
    assert.deepEqual(
      former?.map(({ upTo }) => upTo),
      [10, 23],
    )
    assert.deepEqual(await verdict(), [true, []])
    const { rows } = await estate.service.pool.query('SELECT note FROM audit_checkpoints WHERE size > 23')
    assert.ok(rows.length > 0 && rows.every(({ note }) => openNote(note, successor.publicKey)))
  })
})
