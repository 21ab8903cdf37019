import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { leafHash } from '../../../src/audit/merkle/hash.ts'
import { decodeUnverified } from '../../../src/audit/note.ts'
import { verifyDatabase } from '../../../src/audit/verify/database.ts'
import {
  type AuditEstate,
  ageCheckpoints,
  auditEstate,
  events,
  exported,
  foreigner,
  recordAndSign,
  rewrite,
  signer,
} from '../estate.ts'
import { changes, size } from './tampering.ts'

const aMinuteMs = 60_000

describe('verifying the chain in the database', () => {
  let estate: AuditEstate
  let restore: () => Promise<void>
  let outside: string
  before(async () => {
    estate = await auditEstate()
    const checkpointFile = estate.file()
    const chain = await estate.chain({ checkpointFile })
    await chain.poke()
    for (const from of [1, 201, 401]) await recordAndSign(estate, chain, events(200, from))
    await chain.poke()
    await chain.close()
    await ageCheckpoints(estate, aMinuteMs, checkpointFile)
    outside = await readFile(checkpointFile, 'utf8')
    restore = await estate.snapshot()
  })
  after(() => estate.stop())

  const verify = (text?: string) =>
    verifyDatabase(estate.db, { publicKey: signer.publicKey, ...(text === undefined ? {} : { outside: text }) })
  const idAt = async (seq: number) =>
    (await estate.owner.pool.query('SELECT event_id FROM audit_chain WHERE seq = $1', [seq])).rows[0]?.event_id

  async function altered(act: () => Promise<void>, check: () => Promise<void>): Promise<void> {
    await act()
    await check().finally(restore)
    assert.equal((await verify(outside)).verified, true)
  }

  it('finds nothing wrong with one that is as it was written', async () => {
    const { rows } = await estate.service.pool.query('SELECT size FROM audit_checkpoints ORDER BY size')
    assert.deepEqual(
      [200, 400, 600].filter((size) => rows.some((row) => row.size === size)),
      [200, 400, 600],
    )
    const { root, ...verdict } = await verify(outside)
    const expected = { verified: true, checkedCount: size, problems: [], size, signer: signer.fingerprint }
    assert.deepEqual(verdict, expected)
    assert.match(root, /^[0-9a-f]{64}$/)
  })

  for (const [what, { statements, brokenAt, event, codes }] of Object.entries(changes)) {
    it(`finds and locates a change to ${what}`, async () => {
      const id = typeof event === 'number' ? await idAt(event) : event
      await altered(
        () => estate.tamper(...statements),
        async () => {
          const verdict = await verify(outside)
          assert.equal(verdict.verified, false)
          assert.deepEqual(new Set(verdict.problems.map(({ code }) => code)), new Set(codes))
          assert.deepEqual([verdict.brokenAt, verdict.brokenAtEventId], [brokenAt, id])
        },
      )
    })
  }

  it('finds an event that was taken out of those that wait, by its id', async () => {
    await altered(
      async () => {
        await estate.record(events(1))
        await estate.service.pool.query('DELETE FROM audit_waiting')
      },
      async () => {
        const { rows } = await estate.owner.pool.query('SELECT id FROM audit_events ORDER BY inserted DESC LIMIT 1')
        const { problems, brokenAtEventId, brokenAt } = await verify()
        assert.deepEqual(
          [problems.map(({ code }) => code), brokenAtEventId, brokenAt],
          [['event-unchained'], rows[0].id, undefined],
        )
      },
    )
  })

  it('finds that an event was removed while it waited', async () => {
    await altered(
      async () => {
        await estate.record(events(1))
        await estate.tamper('DELETE FROM audit_events WHERE inserted IN (SELECT inserted FROM audit_waiting)')
      },
      async () =>
        assert.deepEqual(
          (await verify()).problems.map(({ code }) => code),
          ['event-removed'],
        ),
    )
  })

  it('finds an event that has waited for long, while others were chained or nothing was', async () => {
    await altered(
      async () => {
        await estate.record(events(1))
        await estate.tamper("UPDATE audit_waiting SET since = since - interval '11 seconds'")
      },
      async () =>
        assert.deepEqual(
          (await verify()).problems.map(({ code }) => code),
          ['event-overdue'],
        ),
    )
  })

  it('finds what no checkpoint covers although it should', async () => {
    await altered(
      () => estate.tamper('DELETE FROM audit_checkpoints WHERE size > 400'),
      async () => {
        const { problems, brokenAt } = await verify()
        assert.deepEqual([problems.map(({ code }) => code), brokenAt], [['unsigned'], 401])
      },
    )
  })

  it('finds that it was written anew from some event on, at the first that no checkpoint vouches for any more', async () => {
    await altered(
      () => rewrite(estate, 300),
      async () => {
        const { problems, brokenAt } = await verify()
        assert.deepEqual([problems.map(({ code }) => code), brokenAt], [['forked'], 201])
      },
    )
  })

  it('finds by the file outside alone that it was written anew and every checkpoint since removed', async () => {
    await altered(
      async () => {
        await rewrite(estate, 300)
        await estate.tamper('DELETE FROM audit_checkpoints WHERE size > 200')
        await ageCheckpoints(estate, -10 * aMinuteMs)
      },
      async () => {
        assert.equal((await verify()).verified, true)
        const { problems, brokenAt } = await verify(outside)
        const codes = new Set(problems.map(({ code }) => code))
        assert.deepEqual([codes, brokenAt], [new Set(['forked', 'checkpoint-removed']), 201])
      },
    )
  })

  it('finds checkpoints that another key signed over what was written anew', async () => {
    await altered(
      async () => {
        await rewrite(estate, 300)
        const { rows } = await estate.owner.pool.query(
          'SELECT note, hash FROM audit_checkpoints JOIN audit_chain ON seq = size WHERE size = 600',
        )
        const { root } = await verifyDatabase(estate.db, { publicKey: foreigner.publicKey })
        const head = rows[0].hash.toString('hex')
        const note = foreigner.note({ size, root, head, time: decodeUnverified(rows[0].note)?.time ?? '' })
        await estate.tamper(
          'DELETE FROM audit_checkpoints WHERE size > 200',
          `INSERT INTO audit_checkpoints VALUES (${size}, '\\x${root}', '\\x${head}', ${estate.literal(note)}, now())`,
        )
      },
      async () => {
        const { problems, brokenAt } = await verify()
        assert.deepEqual([problems.map(({ code }) => code), brokenAt], [['unsigned', 'checkpoint-foreign'], 201])
        assert.equal((await verify(outside)).brokenAt, 201)
      },
    )
  })

  it('finds that checkpoints outside are damaged, or of another audit', async () => {
    const foreign = JSON.stringify({
      checkpoint: foreigner.note({
        size: 1,
        root: leafHash('x'),
        head: leafHash('x'),
        time: '2026-01-01T00:00:00.000Z',
      }),
      publicKey: 'unread',
    })
    for (const text of [outside.replace('"checkpoint"', '"checkpaint"'), `${outside}\n${foreign}\n`]) {
      assert.deepEqual(
        (await verify(text)).problems.map(({ code }) => code),
        ['checkpoint-invalid'],
      )
    }
    assert.equal((await verify(`${outside}\n{"checkpoint":"cut sho`)).verified, true)
  })

  it('tells of the first hundred problems, and of the first place though it is not among them', async () => {
    await altered(
      () => estate.tamper(`UPDATE audit_events SET actor = 'nob'`),
      async () => {
        const { problems, brokenAt, brokenAtEventId } = await verify()
        assert.deepEqual([problems.length, brokenAt, brokenAtEventId], [100, 1, await idAt(1)])
      },
    )
  })

  it('exports what is damaged too, as far as it is there', async () => {
    await altered(
      () => estate.tamper('DELETE FROM audit_chain WHERE seq = 300'),
      async () => {
        assert.equal((await exported(estate.db)).split('\n').length, size + 1)
      },
    )
  })
})
