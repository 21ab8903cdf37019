import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type EventProof, verifyProof } from '../../src/audit/proof.ts'
import { proofOf } from '../../src/audit/prove.ts'
import { type AuditEstate, auditEstate, event, events, exported, foreigner, recordAndSign, signer } from './estate.ts'

describe('the proof of an event', () => {
  let estate: AuditEstate
  let ids: string[]
  before(async () => {
    estate = await auditEstate()
    await assert.rejects(exported(estate.db), { code: 'TRY_AGAIN' })
    const chain = await estate.chain()
    await recordAndSign(estate, chain, events(515))
    await chain.close()
    ids = (await estate.service.pool.query('SELECT event_id FROM audit_chain ORDER BY seq')).rows.map(
      (row) => row.event_id,
    )
  })
  after(() => estate.stop())

  const proofAt = async (seq: number) => (await proofOf(estate.db, ids[seq - 1] ?? '', signer)) as EventProof

  it('holds for every place, checked by nothing but itself and the fingerprint', async () => {
    for (const seq of [1, 2, 255, 256, 257, 300, 512, 513, 515]) {
      const proof = JSON.parse(JSON.stringify(await proofAt(seq)))
      assert.deepEqual(verifyProof(proof, signer.fingerprint), { verified: true, signer: signer.fingerprint })
      assert.deepEqual([proof.seq, proof.treeSize, JSON.parse(proof.event).id], [seq, 515, ids[seq - 1]])
    }
  })

  it('does not hold with anything in it changed', async () => {
    const proof = await proofAt(300)
    const other = await proofAt(301)
    const changes: Partial<EventProof>[] = [
      { event: other.event },
      { event: other.event, hash: other.hash },
      { event: proof.event.replace('ops', 'opt') },
      { seq: 301 },
      { hash: other.hash },
      { treeSize: 514 },
      { path: proof.path.slice(1) },
      { path: proof.path.with(0, other.hash) },
      { path: proof.path.map((each) => `${each}zz`) },
      { path: proof.path.with(0, '') },
      { path: null as unknown as string[] },
      { event: null as unknown as string },
      { checkpoint: null as unknown as string },
      { checkpoint: proof.checkpoint.replace('\n515\n', '\n516\n') },
      { publicKey: 'nothing' },
      { event: other.event, seq: 301, hash: other.hash },
    ]
    for (const change of changes)
      assert.equal(verifyProof({ ...proof, ...change }).verified, false, JSON.stringify(change))
    assert.equal(verifyProof(proof, foreigner.fingerprint).verified, false)
  })

  it('is not there for an event that does not exist, and not yet for one that waits', async () => {
    assert.equal(await proofOf(estate.db, randomUUID(), signer), undefined)
    await estate.record([event('test.waits')])
    const { rows } = await estate.service.pool.query("SELECT id FROM audit_events WHERE action = 'test.waits'")
    assert.equal(await proofOf(estate.db, rows[0].id, signer), 'waiting')
  })
})
