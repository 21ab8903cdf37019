import assert from 'node:assert/strict'
import { copyFile, readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import type { AuditChain } from '../../src/audit/chain.ts'
import { DatabaseError } from '../../src/error.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { type AuditEstate, ageCheckpoints, auditEstate, events, foreigner, recordAndSign, rewrite } from './estate.ts'

const aMinuteMs = 60_000

describe('an instance that keeps the chain', () => {
  let estate: AuditEstate
  let restore: () => Promise<void>
  let file: string
  before(async () => {
    estate = await auditEstate()
    file = estate.file()
    const chain = await estate.chain({ checkpointFile: file })
    await recordAndSign(estate, chain, events(300))
    await recordAndSign(estate, chain, events(20))
    await chain.poke()
    await chain.close()
    await ageCheckpoints(estate, aMinuteMs, file)
    restore = await estate.snapshot()
  })
  after(() => estate.stop())

  /** One instance for the time of one test; its errors are those of broken chains. */
  async function withChain(
    checkpointFile: string | undefined,
    act: (chain: AuditChain, errors: unknown[]) => Promise<void>,
    everyMs = 250,
  ) {
    const errors: unknown[] = []
    const chain = await estate.chain({
      everyMs,
      onError: (error) => errors.push(error),
      ...(checkpointFile === undefined ? {} : { checkpointFile }),
    })
    await chain.poke()
    try {
      await act(chain, errors)
    } finally {
      await chain.close()
      await restore()
    }
  }
  const broken = (errors: unknown[]) =>
    errors.every((error) => error instanceof DatabaseError && error.code === 'AUDIT_DAMAGED') && errors.length > 0
  const removeTail = (from: number) =>
    estate.tamper(
      `DELETE FROM audit_events WHERE id IN (SELECT event_id FROM audit_chain WHERE seq >= ${from})`,
      `DELETE FROM audit_chain WHERE seq >= ${from}`,
      `DELETE FROM audit_checkpoints WHERE size >= ${from}`,
    )

  it('is content with what it finds, with a file outside and without', async () => {
    for (const path of [file, undefined]) {
      await withChain(path, async (chain, errors) => {
        assert.deepEqual(
          [chain.integrity(), chain.size(), (await chain.verify()).verified, errors],
          [true, 320, true, []],
        )
      })
    }
  })

  it('sees within a moment that the last events are gone, with their checkpoints, and says from where', async () => {
    await withChain(undefined, async (chain, errors) => {
      await removeTail(310)
      await eventually(
        () => chain.integrity(),
        (sound) => !sound,
      )
      assert.ok(broken(errors))
      const { verified, brokenAt, problems } = await chain.verify()
      assert.deepEqual([verified, brokenAt], [false, 301])
      assert.deepEqual(
        problems.map(({ code, seq }) => [code, seq]),
        [
          ['unsigned', 301],
          ['tail-removed', 310],
        ],
      )
    })
  })

  it('sees it too when others have chained on meanwhile', async () => {
    const once = async (chain: AuditChain) => {
      await removeTail(310)
      const other = await estate.chain()
      await recordAndSign(estate, other, events(30))
      await other.close()
      await chain.poke()
      assert.equal(chain.integrity(), false)
      assert.equal((await chain.verify()).verified, false)
    }
    await withChain(undefined, once, 3_600_000)
  })

  it('knows by the file outside that a backup was restored while it was not running', async () => {
    await removeTail(310)
    const before = await readFile(file, 'utf8')
    await withChain(file, async (chain, errors) => {
      assert.equal(chain.integrity(), false)
      assert.ok(broken(errors))
      const { verified, brokenAt, problems } = await chain.verify()
      assert.deepEqual(
        [verified, brokenAt, new Set(problems.map(({ code }) => code))],
        [false, 301, new Set(['unsigned', 'tail-removed'])],
      )
      // It goes on chaining what happens; but signs nothing that contradicts what was signed, and keeps the file as it is.
      await estate.record(events(40))
      await chain.poke()
      await chain.poke()
      const { rows } = await estate.service.pool.query('SELECT count(*) AS n FROM audit_chain')
      assert.equal(rows[0].n, 349)
      assert.equal((await chain.verify()).brokenAt, 301)
      assert.equal(await readFile(file, 'utf8'), before)
    })
  })

  it('knows by the file outside that the chain was written anew while it was not running', async () => {
    await rewrite(estate, 305)
    await estate.tamper('DELETE FROM audit_checkpoints')
    await withChain(file, async (chain) => {
      assert.equal(chain.integrity(), false)
      assert.equal((await chain.verify()).brokenAt, 301)
    })
  })

  it('keeps no checkpoint outside that somebody else signed', async () => {
    await withChain(file, async (chain) => {
      const { rows } = await estate.service.pool.query(
        'SELECT root, head FROM audit_checkpoints ORDER BY size DESC LIMIT 1',
      )
      const [root, head] = [rows[0].root.toString('hex'), rows[0].head.toString('hex')]
      const note = foreigner.note({ size: 320, root, head, time: '2026-01-01T00:00:00.000Z' })
      await estate.tamper(`UPDATE audit_checkpoints SET note = ${estate.literal(note)} WHERE size = 320`)
      const before = await readFile(file, 'utf8')
      await chain.poke()
      assert.equal(chain.integrity(), false)
      assert.equal(await readFile(file, 'utf8'), before)
      await restore()
      await chain.verify()
      assert.equal(chain.integrity(), true)
    })
  })

  it('says so when a verification found something, and no longer when the next one does not', async () => {
    await withChain(undefined, async (chain) => {
      await estate.tamper("UPDATE audit_events SET actor = 'nob' WHERE action = 'test.counted'")
      assert.equal(chain.integrity(), true)
      await chain.verify()
      assert.equal(chain.integrity(), false)
      await restore()
      await chain.verify()
      assert.equal(chain.integrity(), true)
    })
  })

  /** Takes an event out of the chain until an instance has noticed; what is done then is done while it is missing. */
  async function whileMissing(chain: AuditChain, act: () => Promise<void>): Promise<void> {
    const { rows } = await estate.owner.pool.query('SELECT seq, event_id, hash, text FROM audit_chain WHERE seq = 310')
    await estate.tamper('DELETE FROM audit_chain WHERE seq = 310')
    await estate.record(events(1))
    await eventually(
      () => chain.integrity(),
      (sound) => !sound,
    )
    await act()
    await estate.owner.pool.query('INSERT INTO audit_chain (seq, event_id, hash, text) VALUES ($1, $2, $3, $4)', [
      ...Object.values(rows[0]),
    ])
    await chain.poke()
  }
  const withOwnFile = async (act: (chain: AuditChain, path: string) => Promise<void>) => {
    const path = estate.file()
    await copyFile(file, path)
    await withChain(path, (chain) => act(chain, path))
  }

  it('says since when it is broken until a verification finds that all is back, and signs again', async () => {
    await withOwnFile(async (chain, path) => {
      assert.equal(chain.brokenSince(), undefined)
      const { rows } = await estate.owner.pool.query('SELECT clock_timestamp() AS now')
      await whileMissing(chain, async () => {
        assert.ok((chain.brokenSince() ?? 0) >= Number(rows[0].now))
      })
      assert.equal(chain.integrity(), false)
      assert.equal((await chain.verify()).verified, true)
      assert.deepEqual([chain.integrity(), chain.brokenSince()], [true, undefined])
      await recordAndSign(estate, chain, events(1))
      await chain.poke()
      assert.match(await readFile(path, 'utf8'), /\\n322\\n/)
      await removeTail(322)
      await chain.poke()
      assert.equal(chain.integrity(), false)
      assert.equal((await chain.verify()).verified, false)
    })
  })

  it('remembers what it saw while the chain was broken, as well', async () => {
    await withOwnFile(async (chain) => {
      await whileMissing(chain, async () => {
        await estate.record(events(1))
        await eventually(
          () => chain.size(),
          (size) => size === 322,
        )
        await removeTail(322)
      })
      const { verified, problems } = await chain.verify()
      assert.deepEqual([verified, problems.at(-1)?.code], [false, 'tail-removed'])
      assert.equal(chain.integrity(), false)
    })
  })

  it('is not put right by a verification that had read what was taken away after it', async () => {
    let read = () => {}
    let goOn = () => {}
    const isRead = new Promise<void>((resolve) => {
      read = resolve
    })
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const held = new WeakSet<object>()
    const db = estate.db.withPlugin({
      transformQuery({ node, queryId }) {
        // Which asks for events outside the chain, after all of the chain was read.
        if (JSON.stringify(node).includes('AS lost')) held.add(queryId)
        return node
      },
      async transformResult({ result, queryId }) {
        if (held.has(queryId)) {
          read()
          await mayGoOn
        }
        return result
      },
    })
    const chain = await estate.chain({ onError: () => {} }, { ...estate.service, db })
    await chain.poke()
    const verification = chain.verify()
    await isRead
    await removeTail(320)
    await chain.poke()
    goOn()
    const { verified, brokenAt, problems } = await verification
    assert.deepEqual([verified, brokenAt, problems.map(({ code }) => code)], [false, 320, ['changed']])
    assert.equal(chain.integrity(), false)
    await chain.close()
    await restore()
  })

  it('cannot chain on when the end of the tree is damaged, and says so', async () => {
    await estate.tamper('DELETE FROM audit_chain WHERE seq = 318')
    await withChain(undefined, async (chain, errors) => {
      assert.equal(chain.integrity(), false)
      assert.ok(broken(errors))
      assert.equal((await chain.verify()).brokenAt, 318)
    })
  })

  it('reports that the database is away, and carries on when it is back', async () => {
    await withChain(undefined, async (chain, errors) => {
      await estate.database.reachable(false)
      await chain.poke()
      assert.ok(errors.length > 0)
      await estate.database.reachable(true)
      await estate.record(events(1))
      await eventually(
        () => chain.size(),
        (size) => size === 321,
      )
      assert.equal(chain.integrity(), true)
    })
  })
})
