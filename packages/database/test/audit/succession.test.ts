import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { after, before, beforeEach, describe, it } from 'node:test'
import { openChain } from '../../src/audit/chain.ts'
import { checkpointLine, linesOfFile, readCheckpointLine } from '../../src/audit/checkpoints.ts'
import { exportLines } from '../../src/audit/export.ts'
import { newestCheckpoint } from '../../src/audit/newest.ts'
import { type Checkpoint, decodeUnverified, openNote } from '../../src/audit/note.ts'
import { type EventProof, verifyProof } from '../../src/audit/proof.ts'
import { proofOf } from '../../src/audit/prove.ts'
import { type AuditSigner, auditSigner } from '../../src/audit/signer.ts'
import { verifyExport } from '../../src/audit/verify/export.ts'
import type { SealingKeys } from '../../src/sealing/seal.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { type AuditEstate, auditEstate, events, exported, holding, origin, root } from './estate.ts'

const [oldRoot, newRoot, thirdRoot] = [root(1), root(2), root(3)]
const [former, successor] = [auditSigner(oldRoot, origin), auditSigner(newRoot, origin)]

describe('an audit whose root key was replaced', { timeout: 60_000 }, () => {
  let estate: AuditEstate
  let restore: () => Promise<void>
  let file: string
  /** An export, and the file outside, as they were before the change, and that in the end. */
  let exportBefore: string
  let outsideBefore: string
  let outside: string
  let replacedAt: number
  before(async () => {
    estate = await auditEstate()
    file = estate.file()
    await estate.use(oldRoot)
    await grow(holding([oldRoot]), 300)
    outsideBefore = await readFile(file, 'utf8')
    exportBefore = await exported(estate.db, former)
    replacedAt = 300
    await estate.use(newRoot)
    await grow(holding([newRoot, oldRoot]), 20)
    await grow(holding([newRoot]), 30)
    outside = await readFile(file, 'utf8')
    restore = await estate.snapshot()
  })
  beforeEach(async () => {
    await restore()
    await writeFile(file, outside)
  })
  after(() => estate.stop())

  const grow = (keys: SealingKeys, count: number) => estate.grow(keys, count, file)

  async function verdictOf(keys: SealingKeys) {
    const chain = await openChain(estate.db, {
      signer: auditSigner(keys, origin),
      checkpointFile: file,
      everyMs: 60_000,
    })
    const verdict = await chain.verify()
    const integrity = chain.integrity()
    await chain.close()
    return { ...verdict, integrity }
  }

  const lines = (signer: AuditSigner) => exportLines(estate.db, signer)
  const codes = ({ problems }: { problems: { code: string }[] }) => [...new Set(problems.map(({ code }) => code))]

  /** A checkpoint of the chain as it is at this size, by whomever. */
  async function insert(by: AuditSigner, size: number, over: Partial<Checkpoint> = {}): Promise<string> {
    const { rows } = await estate.owner.pool.query('SELECT text, hash FROM audit_chain WHERE seq = $1', [size])
    const last = readCheckpointLine(linesOfFile(outside).at(-1) ?? '')
    const told = decodeUnverified(last?.checkpoint ?? '') as Checkpoint
    const head = rows[0].hash.toString('hex')
    const note = by.note({ ...told, former: [], size, head, ...over })
    await estate.insertNote(note)
    return note
  }

  it('is signed by the new key, which names the one of before and how far that went', async () => {
    const newest = await newestCheckpoint(estate.db, successor)
    assert.deepEqual([newest?.size, newest?.signer, newest?.above], [350, successor.fingerprint, 0])
    assert.deepEqual(newest?.former, [{ publicKey: former.publicKey, upTo: replacedAt }])
    const handedOver = linesOfFile(outside).map((line) => readCheckpointLine(line))
    assert.ok(handedOver.some((kept) => kept?.publicKey.equals(former.publicKey)))
  })

  it('is verified in the database and outside, with the old root key and when that is gone', async () => {
    for (const keys of [holding([newRoot, oldRoot]), holding([newRoot])]) {
      const { verified, signer, problems, integrity } = await verdictOf(keys)
      assert.deepEqual([verified, signer, problems, integrity], [true, successor.fingerprint, [], true])
    }
  })

  it('is verified as an export by the new fingerprint, against checkpoints from before the change too', async () => {
    const signer = successor.fingerprint
    for (const options of [{ signer }, { signer, checkpoints: outsideBefore }, { signer, checkpoints: outside }, {}]) {
      const verdict = await verifyExport(lines(successor), options)
      assert.deepEqual([verdict.verified, verdict.signer, verdict.problems], [true, signer, []])
    }
    assert.equal((await verifyExport(lines(successor), { checkpoints: outside })).verified, true)
  })

  it('has exports from before the change that are verified against a file that spans it, as far as that covers them', async () => {
    for (const options of [{}, { signer: successor.fingerprint }]) {
      const of = (checkpoints: string) => verifyExport(Readable.from([exportBefore]), { ...options, checkpoints })
      const { verified, signer, problems, size } = await of(outside)
      assert.deepEqual([verified, signer, problems, size], [true, successor.fingerprint, [], replacedAt])
      const uncovered = await of(outside.replace(outsideBefore, ''))
      assert.deepEqual([uncovered.verified, uncovered.brokenAt, codes(uncovered)], [false, 1, ['unsigned']])
      const beyond = checkpointLine(await insert(former, 310), former.publicKey)
      const stolen = verifyExport(Readable.from([exportBefore.replace(/[^\n]*\n$/, beyond)]), {
        ...options,
        checkpoints: outside,
      })
      assert.ok(codes(await stolen).includes('checkpoint-foreign'))
      await restore()
    }
    const alone = await verifyExport(Readable.from([exportBefore]), { signer: successor.fingerprint })
    assert.deepEqual(codes(alone), ['checkpoint-foreign'])
  })

  it('is not verified by who knows the former fingerprint only: anybody can name a predecessor', async () => {
    const verdict = await verifyExport(lines(successor), { signer: former.fingerprint })
    assert.deepEqual([verdict.verified, codes(verdict)], [false, ['checkpoint-foreign']])
    const against = await verifyExport(lines(successor), { checkpoints: outsideBefore })
    assert.equal(against.verified, false)
  })

  it('proves its events by the new key, those of before the change too; old proofs hold for the old one alone', async () => {
    const { rows } = await estate.owner.pool.query(
      'SELECT event_id FROM audit_chain WHERE seq IN (7, 340) ORDER BY seq',
    )
    for (const { event_id: id } of rows) {
      const proof = (await proofOf(estate.db, id, auditSigner(holding([newRoot, oldRoot]), origin))) as EventProof
      assert.equal(verifyProof(proof, successor.fingerprint).verified, true)
      assert.equal(verifyProof(proof, former.fingerprint).verified, false)
    }
    const first = linesOfFile(outsideBefore).map((line) => readCheckpointLine(line)?.checkpoint ?? '')
    assert.ok(first.every((note) => !note || openNote(note, former.publicKey)))
  })

  it('is not vouched for by the former key beyond the change: what its thief puts on top is foreign', async () => {
    await estate.tamper(`DELETE FROM audit_checkpoints WHERE size > 325 AND size < 350`)
    await insert(former, 340)
    for (const keys of [holding([newRoot, oldRoot]), holding([newRoot])]) {
      const verdict = await verdictOf(keys)
      assert.deepEqual([verdict.verified, verdict.brokenAt, codes(verdict)], [false, 340, ['checkpoint-foreign']])
    }
  })

  it('does not take a checkpoint of the former key for the newest, and goes on with the new one', async () => {
    await grow(holding([newRoot]), 5)
    await estate.tamper('DELETE FROM audit_checkpoints WHERE size > 350')
    await insert(former, 355)
    const both = auditSigner(holding([newRoot, oldRoot]), origin)
    const newest = await newestCheckpoint(estate.db, both)
    assert.deepEqual([newest?.size, newest?.signer, newest?.above], [350, successor.fingerprint, 1])
    await writeFile(file, outside)
    const chain = await openChain(estate.db, { signer: both, checkpointFile: file })
    await chain.poke()
    assert.equal(chain.integrity(), false)
    await estate.record(events(1))
    const next = await eventually(
      () => newestCheckpoint(estate.db, both),
      (found) => found?.size === 356,
    )
    assert.deepEqual(next?.former, [{ publicKey: former.publicKey, upTo: replacedAt }])
    await chain.close()
  })

  it('does not go back to the former key when all of the new one is removed from the database', async () => {
    await estate.tamper(`DELETE FROM audit_checkpoints WHERE size > ${replacedAt}`)
    await insert(former, 350)
    const verdict = await verdictOf(holding([newRoot, oldRoot]))
    assert.equal(verdict.verified, false)
    assert.ok(codes(verdict).includes('checkpoint-removed') && codes(verdict).includes('checkpoint-foreign'))
    assert.equal(verdict.signer, successor.fingerprint)
  })

  it('shows that what came before the change was rewritten, though the former key signed it anew', async () => {
    const forged = `replace(text, '"number":7', '"number":8')`
    await estate.tamper(
      `UPDATE audit_chain SET text = ${forged}, hash = sha256('\\x00' || convert_to(${forged}, 'UTF8')) WHERE seq = 7`,
    )
    await insert(former, 200, { root: 'ab'.repeat(32) })
    const verdict = await verdictOf(holding([newRoot]))
    assert.equal(verdict.verified, false)
    assert.ok((verdict.brokenAt ?? 0) <= 8)
  })

  it('is replaced once by many instances, whichever of them hears of it first', async () => {
    const late = holding([thirdRoot, newRoot], newRoot)
    const chains = await Promise.all(
      [late, holding([thirdRoot, newRoot]), late].map((keys) =>
        openChain(estate.db, { signer: auditSigner(keys, origin), everyMs: 10, checkpointFile: estate.file() }),
      ),
    )
    const third = auditSigner(thirdRoot, origin)
    for (let size = 351; size < 356; size += 1) {
      if (size === 352) await estate.use(thirdRoot)
      await estate.record(events(1))
      await Promise.all(chains.map((chain) => chain.poke()))
    }
    await Promise.all(chains.map((chain) => chain.close()))
    for (const chain of chains) assert.equal(chain.integrity(), true)
    const newest = await newestCheckpoint(estate.db, third)
    const [first, second] = newest?.former ?? []
    assert.equal(newest?.size, 355)
    assert.deepEqual(first, { publicKey: former.publicKey, upTo: replacedAt })
    assert.ok(second?.publicKey.equals(successor.publicKey) && second.upTo >= 350)
    const { verified, problems } = await verdictOf(holding([thirdRoot]))
    assert.deepEqual([verified, problems], [true, []])
    await estate.owner.pool.query('DELETE FROM root_keys WHERE id = $1', [thirdRoot.id])
  })

  it('keeps its file outside readable when lines of both keys are in it', async () => {
    const forged = checkpointLine(
      former.note({ size: 345, root: 'ab'.repeat(32), head: 'cd'.repeat(32), time: new Date(0).toISOString() }),
      former.publicKey,
    )
    await writeFile(file, `${outside}${forged}`)
    const verdict = await verdictOf(holding([newRoot, oldRoot]))
    assert.deepEqual([verdict.verified, codes(verdict)], [false, ['checkpoint-foreign']])
    const exported = await verifyExport(lines(successor), {
      signer: successor.fingerprint,
      checkpoints: `${outside}${forged}`,
    })
    assert.equal(exported.verified, false)
    assert.ok(codes(exported).includes('checkpoint-foreign'))
  })
})
