import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { changeKeyring, defaultPolicy, directoryStore, newKeyring, outboxOf } from '@rekey/keyring'
import { drainOutboxes } from '@rekey/service'
import { type Estate, eventually, startEstate } from '../estate.ts'
import { auditReader } from './reading.ts'

describe('changes of keyrings that are kept in folders', { timeout: 60_000 }, () => {
  let estate: Estate
  let root: string

  before(async () => {
    estate = await startEstate()
    root = await mkdtemp(join(tmpdir(), 'rekey-outboxes-'))
  })
  after(async () => {
    await estate.stop()
    await rm(root, { recursive: true })
  })

  /** A store with one keyring that was changed so many times. */
  async function store(name: string, changes: number) {
    const folder = join(root, name)
    let now = Date.UTC(2026, 0, 1)
    const kept = directoryStore(folder, () => now)
    const about = (n: number) => ({ action: `test.${name}`, actor: 'somebody', details: { n } })
    await kept.save(undefined, newKeyring('elsewhere', 'shared-secret', 'HS256', defaultPolicy), about(1))
    for (let n = 2; n <= changes; n += 1) {
      now += 1_000
      await changeKeyring(
        kept,
        'elsewhere',
        (keyring) => ({ ...keyring, policy: { ...keyring.policy, skewMs: n } }),
        about(n),
      )
    }
    return folder
  }

  const written = (action: string) =>
    estate.db.selectFrom('audit_events').selectAll().where('action', '=', action).orderBy('inserted').execute()

  test('are events of the audit, in their order and of their time, wherever they were made', async () => {
    const folders = [await store('first', 3), await store('second', 1), join(root, 'not-there-yet')]
    const idp = await estate.instance({ REKEY_AUDIT_OUTBOXES: folders.join(':') })
    const audit = await auditReader(idp)
    const events = await audit.until({ action: 'test.first', order: 'oldest' }, 3)
    assert.deepEqual(
      events.map(({ at, actor, outcome, details }) => [
        at,
        actor,
        outcome,
        details.keyring,
        details.revision,
        details.n,
      ]),
      [
        ['2026-01-01T00:00:00.000Z', 'somebody', 'success', 'elsewhere', 1, 1],
        ['2026-01-01T00:00:01.000Z', 'somebody', 'success', 'elsewhere', 2, 2],
        ['2026-01-01T00:00:02.000Z', 'somebody', 'success', 'elsewhere', 3, 3],
      ],
    )
    await audit.until({ action: 'test.second' })
    for (const folder of folders)
      await eventually(
        () => outboxOf(folder).pending(),
        (entries) => entries.length === 0,
      )
    await idp.close()
  })

  test('are written once, whoever writes them and however often', async () => {
    const folder = await store('often', 5)
    const entries = await outboxOf(folder).pending()
    const drain = () => drainOutboxes(estate.db, [folder])
    await Promise.all([drain(), drain(), drain()])
    // As if whoever wrote them had died before he could say so.
    await rm(join(folder, 'elsewhere', 'delivered'), { recursive: true })
    assert.deepEqual(await outboxOf(folder).pending(), entries)
    await drain()
    const events = await written('test.often')
    assert.deepEqual(events.map(({ id }) => id).toSorted(), entries.map(({ id }) => id).toSorted())
  })

  test('wait in their folder while the database is away', async () => {
    const folder = await store('waiting', 2)
    await estate.database.reachable(false)
    await assert.rejects(drainOutboxes(estate.db, [folder]))
    await estate.database.reachable(true)
    assert.equal((await outboxOf(folder).pending()).length, 2)
    await drainOutboxes(estate.db, [folder])
    assert.equal((await written('test.waiting')).length, 2)
  })

  test('are not kept back by a folder that is damaged', async () => {
    const damaged = await store('damaged', 1)
    await writeFile(join(damaged, 'elsewhere', '000000000002.json'), '{')
    const sound = await store('sound', 1)
    await assert.rejects(drainOutboxes(estate.db, [damaged, sound]), AggregateError)
    assert.equal((await written('test.sound')).length, 1)
  })
})
