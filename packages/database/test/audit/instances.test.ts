import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import type { AuditChain } from '../../src/audit/chain.ts'
import { linesOfFile } from '../../src/audit/checkpoints.ts'
import { verifyDatabase } from '../../src/audit/verify/database.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { type AuditEstate, auditEstate, event, events, signer } from './estate.ts'

describe('eight instances that record and chain at once', () => {
  let estate: AuditEstate
  const connections: Connection<DatabaseTables>[] = []
  const chains: AuditChain[] = []
  const files: string[] = []
  before(async () => {
    estate = await auditEstate()
    for (let i = 0; i < 8; i += 1) {
      const connection = connect<DatabaseTables>(estate.database.serviceUrl, { max: 3 })
      const checkpointFile = estate.file()
      connections.push(connection)
      files.push(checkpointFile)
      chains.push(await estate.chain({ checkpointFile, everyMs: 5 }, connection))
    }
  })
  after(async () => {
    await Promise.all(chains.map((chain) => chain.close()))
    await Promise.all(connections.map((connection) => connection.close()))
    await estate.stop()
  })

  const count = async (table: string) =>
    Number((await estate.service.pool.query(`SELECT count(*) AS n FROM ${table}`)).rows[0].n)
  const verified = () => verifyDatabase(estate.db, { publicKey: signer.publicKey })

  it('leave no gap and no fork, and chain every event once', async () => {
    const writers = connections.map(async (connection, writer) => {
      for (let i = 0; i < 40; i += 1) await estate.record(events(1 + (i % 3), writer * 1000 + i), connection)
    })
    await Promise.all(writers)
    await eventually(
      () => count('audit_waiting'),
      (n) => n === 0,
    )
    const recorded = await count('audit_events')
    const { verified: isVerified, checkedCount, size, problems } = await verified()
    assert.deepEqual(
      { isVerified, checkedCount, size, problems },
      { isVerified: true, checkedCount: recorded, size: recorded, problems: [] },
    )
    assert.equal(recorded, 8 * 79)
    assert.ok(chains.every((chain) => chain.integrity()))
  })

  it('each keep the checkpoints of all outside', async () => {
    const size = await count('audit_events')
    for (const [i, file] of files.entries()) {
      const text = await eventually(
        () => readFile(file, 'utf8'),
        (text) => text.includes(`\\n${size}\\n`),
      )
      assert.ok(linesOfFile(text).length > 0)
      const verdict = await chains[i]?.verify()
      assert.deepEqual([verdict?.verified, verdict?.size], [true, size])
    }
  })

  it('carry on when the one that chains is killed in the middle', async () => {
    const before = await count('audit_chain')
    // Ends whatever backend holds the lock of the chain, as often as it can, while events come in.
    const kill = `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database
      WHERE datname = current_database() AND locktype = 'advisory' AND objid = ${0x68_61_69_6e}`
    let killed = 0
    const admin = connect<DatabaseTables>(estate.database.adminUrl, { max: 1 })
    for (let i = 0; i < 200; i += 1) {
      await estate.record(events(2, i))
      killed += (await admin.pool.query(kill)).rowCount ?? 0
    }
    await admin.close()
    assert.ok(killed > 0)
    await eventually(
      () => count('audit_waiting'),
      (n) => n === 0,
    )
    const { verified: isVerified, size, problems } = await verified()
    assert.deepEqual([isVerified, size, problems], [true, before + 400, []])
  })

  it('go on chaining around a row that cannot be spelled', async () => {
    await estate.service.pool.query(
      `INSERT INTO audit_events (action, outcome, actor, details) VALUES ('a', 'b', 'c', '{"n": 1e999}')`,
    )
    await estate.record([event('test.after')])
    await eventually(
      () => count('audit_waiting'),
      (n) => n === 1,
    )
    const { rows } = await estate.service.pool.query("SELECT seq FROM audit_chain WHERE text LIKE '%test.after%'")
    assert.equal(rows.length, 1)
  })
})
