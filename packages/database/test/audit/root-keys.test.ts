import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { openChain } from '../../src/audit/chain.ts'
import { linesOfFile, readCheckpointLine } from '../../src/audit/checkpoints.ts'
import { newestCheckpoint } from '../../src/audit/newest.ts'
import { auditSigner } from '../../src/audit/signer.ts'
import type { SealingKeys } from '../../src/sealing/seal.ts'
import { type AuditEstate, auditEstate, events, exported, holding, origin, root } from './estate.ts'

const [oldRoot, newRoot] = [root(1), root(2)]
const successor = auditSigner(newRoot, origin)

describe('an audit whose database knows which root key is the newest', { timeout: 60_000 }, () => {
  let estate: AuditEstate
  let file: string
  beforeEach(async () => {
    estate = await auditEstate()
    file = estate.file()
    await estate.use(oldRoot)
    await grow(holding([oldRoot]), 10)
  })
  afterEach(() => estate.stop())

  const open = (keys: SealingKeys, checkpointFile = file) =>
    openChain(estate.db, { signer: auditSigner(keys, origin), checkpointFile, everyMs: 60_000 })
  const grow = (keys: SealingKeys, count: number) => estate.grow(keys, count, file, 60_000)

  async function counts() {
    const { rows } = await estate.owner.pool.query(
      'SELECT (SELECT max(seq) FROM audit_chain) AS chained, (SELECT max(size) FROM audit_checkpoints) AS signed',
    )
    return [Number(rows[0].chained), Number(rows[0].signed)]
  }

  async function verdictOf(keys: SealingKeys) {
    const chain = await open(keys)
    const { verified, signer, problems } = await chain.verify()
    await chain.close()
    return { verified, signer, problems }
  }
  const sound = { verified: true, signer: successor.fingerprint, problems: [] }

  it('is chained but not signed by an instance that lacks it, from the moment on in which it is written down', async () => {
    const stale = await open(holding([oldRoot]), estate.file())
    await stale.poke()
    await estate.use(newRoot)
    await estate.record(events(5))
    await stale.poke()
    assert.deepEqual(await counts(), [15, 10])
    await grow(holding([newRoot, oldRoot]), 5)
    await estate.record(events(5))
    await stale.poke()
    await stale.close()
    assert.deepEqual(await counts(), [25, 20])
    await grow(holding([newRoot]), 1)
    const newest = await newestCheckpoint(estate.db, successor)
    assert.deepEqual([newest?.size, newest?.former?.map(({ upTo }) => upTo)], [26, [10]])
    assert.deepEqual(await verdictOf(holding([newRoot])), sound)
  })

  it('is signed by it in an instance that held it before it came to be used', async () => {
    const keys = { all: [oldRoot, newRoot], sealing: oldRoot }
    const chain = await open(keys)
    await chain.poke()
    keys.all = [newRoot, oldRoot]
    await chain.poke()
    await estate.use(newRoot)
    await estate.record(events(5))
    await chain.poke()
    await chain.close()
    assert.equal((await newestCheckpoint(estate.db, successor))?.size, 15)
  })

  it('is signed by it where it is held, though that instance has not heard that it seals', async () => {
    await estate.use(newRoot)
    await grow(holding([newRoot, oldRoot], oldRoot), 5)
    assert.equal((await newestCheckpoint(estate.db, successor))?.size, 15)
  })

  it('does not go back to the former key when that stands first in the file of an instance that starts', async () => {
    await estate.use(newRoot)
    await grow(holding([newRoot, oldRoot]), 5)
    const turned = holding([oldRoot, newRoot])
    await grow(turned, 5)
    const signer = auditSigner(turned, origin)
    const newest = await newestCheckpoint(estate.db, signer)
    assert.deepEqual([newest?.size, newest?.signer, newest?.above], [20, successor.fingerprint, 0])
    const end = readCheckpointLine(linesOfFile(await exported(estate.db, signer)).at(-1) ?? '')
    assert.deepEqual(end?.publicKey, successor.publicKey)
    for (const keys of [turned, holding([newRoot])]) assert.deepEqual(await verdictOf(keys), sound)
  })

  it('is not signed by the former key by an instance that saw the new one, whatever the database says since', async () => {
    await estate.use(newRoot)
    const chain = await open(holding([newRoot, oldRoot]))
    await estate.record(events(5))
    await chain.poke()
    await chain.poke()
    await estate.owner.pool.query('ALTER TABLE root_keys DISABLE TRIGGER USER')
    await estate.owner.pool.query('DELETE FROM root_keys')
    await estate.use(newRoot)
    await estate.use(oldRoot)
    await estate.record(events(5))
    await chain.poke()
    await chain.close()
    assert.deepEqual(await counts(), [20, 15])
  })
})
