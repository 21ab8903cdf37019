import assert from 'node:assert/strict'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { noHash } from '../../../src/audit/canonical.ts'
import type { AuditChain } from '../../../src/audit/chain.ts'
import { leafHash } from '../../../src/audit/merkle/hash.ts'
import { newestCheckpoint } from '../../../src/audit/newest.ts'
import { proofOf } from '../../../src/audit/prove.ts'
import { verifyDatabase } from '../../../src/audit/verify/database.ts'
import { verifyExport } from '../../../src/audit/verify/export.ts'
import { type After, monotonicClock } from '../../../src/clock.ts'
import { eventually } from '../../../src/testing/eventually.ts'
import { type AuditEstate, auditEstate, events, exported, foreigner, recordAndSign, signer } from '../estate.ts'

const tooLarge = '9223372036854775807'
const hostileText = (bytes: number) => `{"x":"${'x'.repeat(bytes)}","previousHash":"${noHash}","seq":7}`

describe('what the role of the service may write', () => {
  let estate: AuditEstate
  let chain: AuditChain
  before(async () => {
    estate = await auditEstate()
    chain = await estate.chain({ checkpointFile: estate.file() })
    await recordAndSign(estate, chain, events(20))
  })
  after(() => estate.stop())

  const query = (text: string, values: unknown[] = []) => estate.service.pool.query(text, values)
  const codes = async () => (await chain.verify()).problems.map(({ code }) => code)

  it('has no numbers that nobody can read, no place with none before it, and no checkpoint of what is to come', async () => {
    const one = 'gen_random_uuid()'
    for (const statement of [
      `INSERT INTO audit_waiting VALUES (${tooLarge})`,
      'INSERT INTO audit_waiting VALUES (-1)',
      `INSERT INTO audit_checkpoints VALUES (${tooLarge}, '', '', 'x', now())`,
      "INSERT INTO audit_checkpoints VALUES (-1, '', '', 'x', now())",
      "INSERT INTO audit_checkpoints VALUES (1000, '', '', 'x', now())",
      `INSERT INTO audit_chain VALUES (9007199254740991, ${one}, '', 'x')`,
      `INSERT INTO audit_chain VALUES (21, ${one}, '', 'x'), (23, ${one}, '', 'x')`,
      `INSERT INTO audit_events (inserted, action, outcome, actor, details)
        OVERRIDING SYSTEM VALUE VALUES (${tooLarge}, 'x', 'success', 'x', '{}')`,
    ]) {
      await assert.rejects(query(statement), { code: '23514' }, statement)
    }
  })

  it('is found where somebody took the constraints away, and keeps nothing else from being verified', async () => {
    const drop = (table: string, column: string) => `ALTER TABLE ${table} DROP CONSTRAINT ${table}_${column}_check`
    await estate.tamper(
      drop('audit_waiting', 'inserted'),
      drop('audit_checkpoints', 'size'),
      `INSERT INTO audit_waiting VALUES (${tooLarge})`,
      `INSERT INTO audit_checkpoints VALUES (${tooLarge}, '', '', 'x', now())`,
    )
    await recordAndSign(estate, chain, events(2))
    const { verified, checkedCount, problems } = await chain.verify()
    assert.deepEqual([verified, checkedCount, problems.map(({ code }) => code)], [false, 22, ['malformed']])
    await estate.tamper(
      `DELETE FROM audit_waiting WHERE inserted = ${tooLarge}`,
      `DELETE FROM audit_checkpoints WHERE size = ${tooLarge}`,
    )
    assert.deepEqual(await codes(), [])
  })

  it('never takes the place of the newest checkpoint, nor keeps others from being signed', async () => {
    const { size, root, head } = (await newestCheckpoint(estate.db, signer)) ?? assert.fail()
    await estate.record(events(1))
    await eventually(
      () => chain.size(),
      (count) => count === size + 1,
    )
    await eventually(
      () => newestCheckpoint(estate.db, signer),
      (newest) => newest?.size === size + 1,
    )
    // As if the service had been quicker than the one who signs.
    const note = foreigner.note({ size: size + 1, root, head, time: '2026-01-01T00:00:00.000Z' })
    await estate.tamper(
      `UPDATE audit_checkpoints SET note = ${estate.literal(note)}, at = 'infinity' WHERE size = ${size + 1}`,
    )
    assert.equal((await newestCheckpoint(estate.db, signer))?.size, size)
    assert.equal((await verifyExport(Readable.from([await exported(estate.db)]))).verified, true)
    const { rows } = await query('SELECT event_id FROM audit_chain WHERE seq = 3')
    const proof = await proofOf(estate.db, rows[0].event_id, signer)
    assert.equal(typeof proof === 'object' && proof.treeSize, size)
    await chain.poke()
    assert.equal(chain.integrity(), false)
    await recordAndSign(estate, chain, events(1))
    assert.equal((await newestCheckpoint(estate.db, signer))?.size, size + 2)
    assert.deepEqual(await codes(), ['checkpoint-foreign'])
    await estate.tamper(`DELETE FROM audit_checkpoints WHERE size = ${size + 1}`)
    // The file outside still has the one that was signed.
    assert.deepEqual(await codes(), ['checkpoint-removed'])
  })
})

describe('a verification', () => {
  let estate: AuditEstate
  before(async () => {
    estate = await auditEstate()
  })
  after(() => estate.stop())

  it('is not held up by a text without an id, however long it is', async () => {
    const line = `${hostileText(4_000_000)}\n`
    async function* pieces() {
      for (let at = 0; at < line.length; at += 65_536) yield line.slice(at, at + 65_536)
    }
    const begun = monotonicClock()
    assert.equal((await verifyExport(pieces())).verified, false)
    const text = hostileText(1_000_000)
    await estate.service.pool.query("INSERT INTO audit_chain VALUES (1, gen_random_uuid(), decode($1, 'hex'), $2)", [
      leafHash(text),
      text,
    ])
    assert.equal((await verifyDatabase(estate.db, { publicKey: signer.publicKey })).verified, false)
    assert.ok(monotonicClock() - begun < 5000, `${monotonicClock() - begun} ms`)
    await estate.tamper('DELETE FROM audit_chain', 'DELETE FROM audit_checkpoints')
  })

  it('rests between its pages when it is done gently, one instance at a time', async () => {
    const chain = await estate.chain({ everyMs: 3_600_000 })
    await estate.record(events(600))
    await chain.poke()
    const worked: number[] = []
    const rest = async (workedMs: number) => void worked.push(workedMs)
    assert.equal((await verifyDatabase(estate.db, { publicKey: signer.publicKey, rest })).verified, true)
    assert.equal(worked.length, 4)
    assert.equal((await chain.verify({ gently: true })).verified, true)
    const claim = "UPDATE audit_reading SET reader = gen_random_uuid(), until = now() + interval '5 seconds'"
    await estate.service.pool.query(claim)
    let done = false
    const waiting = chain.verify({ gently: true }).finally(() => {
      done = true
    })
    await chain.verify()
    assert.equal(done, false)
    await estate.service.pool.query("UPDATE audit_reading SET until = '-infinity'")
    assert.equal((await waiting).verified, true)
    await estate.service.pool.query("UPDATE audit_reading SET until = 'infinity'")
    assert.equal((await chain.verify({ gently: true })).verified, true)
    await chain.close()
  })

  it('that began before another one found something wrong does not take that back', async () => {
    let isHeld = true
    const rests: (() => void)[] = []
    const after: After = (_ms, act) => {
      if (isHeld) rests.push(act)
      else setImmediate(act)
      return () => {}
    }
    const chain = await estate.chain({ everyMs: 3_600_000, after })
    await chain.poke()
    const before = rests.length
    const early = chain.verify({ gently: true })
    await eventually(
      () => rests.length,
      (count) => count > before,
    )
    const place = '(SELECT event_id FROM audit_chain WHERE seq = 1)'
    await estate.tamper(`UPDATE audit_events SET actor = actor || '!' WHERE id = ${place}`)
    assert.equal((await chain.verify()).verified, false)
    isHeld = false
    for (const act of rests) act()
    assert.equal((await early).verified, true, 'it had read the first page before')
    assert.equal(chain.integrity(), false)
    assert.equal(chain.last()?.verdict.verified, false)
    await estate.tamper(`UPDATE audit_events SET actor = rtrim(actor, '!') WHERE id = ${place}`)
    assert.equal((await chain.verify()).verified, true)
    assert.equal(chain.integrity(), true)
    await chain.close()
  })

  it('that cannot read what there is makes the audit doubtful, one that has no database does not', async () => {
    const file = estate.file()
    const chain = await estate.chain({ checkpointFile: file, everyMs: 3_600_000 })
    assert.equal((await chain.verify()).verified, true)
    await estate.database.reachable(false)
    await assert.rejects(chain.verify())
    assert.equal(chain.integrity(), true)
    await estate.database.reachable(true)
    await rename(file, `${file}.aside`)
    await mkdir(file)
    await assert.rejects(chain.verify(), { code: 'EISDIR' })
    assert.equal(chain.integrity(), false)
    assert.equal(typeof chain.brokenSince(), 'number')
    await rm(file, { recursive: true })
    await rename(`${file}.aside`, file)
    assert.equal((await chain.verify()).verified, true)
    assert.equal(chain.integrity(), true)
    await chain.close()
  })
})

describe('how long nothing has happened', () => {
  let estate: AuditEstate
  before(async () => {
    estate = await auditEstate()
  })
  after(() => estate.stop())

  it('is told of events that wait, of checkpoints that are not outside, and of verifications', async () => {
    let now = 0
    const file = estate.file()
    const chain = await estate.chain({ checkpointFile: file, everyMs: 3_600_000, clock: () => now })
    const untilSigned = (size: number) =>
      eventually(
        async () => {
          await chain.poke()
          return (await newestCheckpoint(estate.db, signer))?.size
        },
        (signed) => signed === size,
      )
    await estate.record(events(1))
    await untilSigned(1)
    await chain.verify()
    assert.deepEqual(chain.ages(), { oldestWaiting: 0, verified: 0, kept: 0 })
    const holder = await estate.owner.pool.connect()
    await holder.query('SELECT pg_advisory_lock($1)', [0x63_68_61_69_6e])
    await rename(file, `${file}.aside`)
    await mkdir(file)
    await estate.record(events(1))
    await estate.tamper("UPDATE audit_waiting SET since = since - interval '2 minutes'")
    now += 1000
    await chain.poke()
    assert.ok(chain.ages().oldestWaiting >= 120_000)
    await holder.query('SELECT pg_advisory_unlock($1)', [0x63_68_61_69_6e])
    holder.release()
    await estate.record(events(1))
    await untilSigned(3)
    now += 4000
    await chain.poke()
    assert.deepEqual(chain.ages(), { oldestWaiting: 0, verified: 5000, kept: 4000 })
    await chain.close()
    const nowhere = await estate.chain({ everyMs: 3_600_000 })
    await nowhere.poke()
    assert.equal(nowhere.ages().kept, Number.POSITIVE_INFINITY)
    await nowhere.close()
  })
})

describe('after a backup was restored', () => {
  let estate: AuditEstate
  before(async () => {
    estate = await auditEstate()
  })
  after(() => estate.stop())

  it('the audit is signed again once the file outside was put aside and the instance was started anew', async () => {
    const file = estate.file()
    const first = await estate.chain({ checkpointFile: file })
    await recordAndSign(estate, first, events(10))
    const restore = await estate.snapshot()
    await recordAndSign(estate, first, events(5))
    await first.poke()
    await first.close()
    await restore()
    const broken = await estate.chain({ checkpointFile: file })
    await estate.record(events(20))
    await broken.poke()
    assert.deepEqual([broken.integrity(), (await broken.verify()).verified], [false, false])
    await broken.close()
    assert.equal((await newestCheckpoint(estate.db, signer))?.size, 10)

    await rename(file, `${file}.before-the-restore`)
    const next = await estate.chain({ checkpointFile: file })
    await recordAndSign(estate, next, events(1))
    assert.deepEqual([next.integrity(), (await next.verify()).verified], [true, true])
    assert.equal((await newestCheckpoint(estate.db, signer))?.size, 31)
    await eventually(
      () => readFile(file, 'utf8').catch(() => ''),
      (text) => text.includes('\\n31\\n'),
    )
    // What was put aside still proves what was lost.
    const aside = await readFile(`${file}.before-the-restore`, 'utf8')
    const { verified } = await verifyDatabase(estate.db, { publicKey: signer.publicKey, outside: aside })
    assert.equal(verified, false)
    await next.close()
  })
})
