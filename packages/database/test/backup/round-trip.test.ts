import assert from 'node:assert/strict'
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { textFrame } from '../../src/backup/frames.ts'
import { verifyBackup } from '../../src/backup/read.ts'
import { restoreBackup } from '../../src/backup/restore.ts'
import { takeBackup } from '../../src/backup/take.ts'
import { dump, type Estate, openEstate, query } from './estate.ts'

let estate: Estate
before(async () => {
  estate = await openEstate()
})
after(() => estate.close())

const backup = (name: string) =>
  takeBackup(estate.path(name), [{ name: 'idp', ownerUrl: estate.from.ownerUrl }], '1.2.3')

test('a backup is put back as it was, row by row', async () => {
  const manifest = await backup('a')
  const [taken] = manifest.databases
  assert.deepEqual(taken?.rows.find(({ name }) => name === 'agents')?.rows, 2000)
  assert.deepEqual(taken?.needs, { rootKeys: ['0123456789ab'], columnKeys: [] })
  const before = await dump(estate.from.ownerUrl)

  const [restored] = await restoreBackup(estate.path('a'), [estate.target()])

  const { revision: was, audit_events: events = '', audit_waiting: waiting = '', ...others } = before
  const { revision, audit_events, audit_waiting, ...otherwise } = await dump(estate.to.ownerUrl)
  assert.deepEqual(otherwise, others)
  assert.equal(restored?.revision, 41)
  assert.equal(revision, `(t,${restored?.epoch},41)`)
  assert.notEqual(was, revision)
  assert.equal(audit_events?.split('\n').length, events.split('\n').length + 1, 'and the restore itself')
  assert.equal(audit_waiting?.split('\n').length, waiting.split('\n').length + 1)
  assert.deepEqual(await query(estate.to.ownerUrl, 'SELECT * FROM opaque_tokens'), [], 'tokens have ended')
})

test('the epoch of a restored database is ahead of the one that was replaced', async () => {
  await backup('epoch')
  await query(estate.to.ownerUrl, 'UPDATE revision SET epoch = epoch + 1000000')
  const [{ epoch: was } = { epoch: 0 }] = await query<{ epoch: string }>(
    estate.to.ownerUrl,
    'SELECT epoch FROM revision',
  )
  const [restored] = await restoreBackup(estate.path('epoch'), [estate.target()], { replace: true })
  assert.equal(restored?.epoch, Number(was) + 1)
})

test('numbers go on, triggers watch again, and a service role gets what it had', async () => {
  await backup('b')
  await restoreBackup(estate.path('b'), [estate.target()], { replace: true })
  const [newest] = await query<{ is: boolean }>(
    estate.to.ownerUrl,
    `INSERT INTO audit_events (action, outcome, actor, details) VALUES ('x', 'success', 'x', '{}')
     RETURNING inserted = (SELECT max(inserted) + 1 FROM audit_events) AS is`,
  )
  assert.equal(newest?.is, true)
  await assert.rejects(query(estate.to.ownerUrl, "UPDATE audit_events SET actor = 'y'"), /only ever added/)
  await assert.rejects(query(estate.to.serviceUrl, 'DELETE FROM audit_events'), /permission denied/)
  assert.equal((await query(estate.to.serviceUrl, 'SELECT FROM agents')).length, 2000)
})

test('what is written while a backup is made is in it as a whole or not at all', async () => {
  let isOver = false
  const writing = (async () => {
    for (let n = 0; !isOver; n += 1) {
      await estate.owner.db.transaction().execute(async (transaction) => {
        await sql`INSERT INTO agents (agent_id, organization_id) VALUES (${`pair-${n}`}, 'pairs')`.execute(transaction)
        await sql`INSERT INTO credentials (credential_id, agent_id) VALUES (${`pair-${n}`}, ${`pair-${n}`})`.execute(
          transaction,
        )
      })
    }
  })()
  await backup('busy').finally(() => {
    isOver = true
  })
  await writing
  await restoreBackup(estate.path('busy'), [estate.target()], { replace: true })
  const rows = await query(
    estate.to.ownerUrl,
    `SELECT FROM agents FULL JOIN credentials USING (agent_id) WHERE agents.agent_id IS NULL OR credentials.agent_id IS NULL`,
  )
  assert.deepEqual(rows, [])
})

test('a backup is readable by its owner alone, and leaves no draft', async () => {
  await backup('mode')
  assert.equal((await stat(estate.path('mode'))).mode & 0o777, 0o600)
  const names = await readdir(dirname(estate.path('mode')))
  assert.deepEqual(
    names.filter((name) => name.includes('draft')),
    [],
  )
})

test('a draft that others may read, or that leads elsewhere, is not written into', async () => {
  const [draft, elsewhere] = [estate.path('shared.draft'), estate.path('elsewhere')]
  await writeFile(draft, '', { mode: 0o644 })
  await backup('shared')
  assert.equal((await stat(estate.path('shared'))).mode & 0o777, 0o600)
  await writeFile(elsewhere, 'mine')
  await symlink(elsewhere, draft)
  await backup('shared')
  assert.equal(await readFile(elsewhere, 'utf8'), 'mine')
})

test('a file that was cut short anywhere is refused, and nothing is replaced by it', async () => {
  await backup('whole')
  const whole = await readFile(estate.path('whole'))
  const was = await dump(estate.to.ownerUrl)
  for (const share of [0, 0.001, 0.3, 0.9, 0.9999]) {
    await writeFile(estate.path('cut'), whole.subarray(0, Math.floor(whole.length * share)))
    const restoring = restoreBackup(estate.path('cut'), [estate.target()], { replace: true })
    await assert.rejects(restoring, { code: 'BACKUP_DAMAGED' }, String(share))
  }
  assert.deepEqual(await dump(estate.to.ownerUrl), was)
})

test('a changed byte is found wherever it is', async () => {
  await backup('bytes')
  const whole = await readFile(estate.path('bytes'))
  for (let at = 10; at < whole.length; at += Math.ceil(whole.length / 23)) {
    const changed = Buffer.from(whole)
    changed[at] = (changed[at] ?? 0) ^ 1
    await writeFile(estate.path('changed'), changed)
    await assert.rejects(verifyBackup(estate.path('changed')), /^DatabaseError: /, `byte ${at}`)
  }
})

test('a file of something else is told from a damaged one, and so is one of a newer release', async () => {
  await writeFile(estate.path('text'), 'CREATE TABLE x ();')
  await assert.rejects(verifyBackup(estate.path('text')), { code: 'BACKUP_FOREIGN' })
  await writeFile(estate.path('gzip'), gzipSync('CREATE TABLE x ();'))
  await assert.rejects(verifyBackup(estate.path('gzip')), { code: 'BACKUP_FOREIGN' })
  await writeFile(estate.path('new'), gzipSync(textFrame({ kind: 'backup', form: 99, release: '9.0.0' })))
  await assert.rejects(verifyBackup(estate.path('new')), { code: 'BACKUP_TOO_NEW' })
})

test('a database that is in use, or holds something, is not replaced by mistake', async () => {
  await backup('c')
  await restoreBackup(estate.path('c'), [estate.target()], { replace: true })
  await assert.rejects(restoreBackup(estate.path('c'), [estate.target()]), { code: 'DATABASE_NOT_EMPTY' })
  await query(
    estate.to.ownerUrl,
    "INSERT INTO instances (id, address, applied, lease_until, root_keys) VALUES ('i', 'a', 0, now() + '1 minute', '{0123456789ab,columns}')",
  )
  const restoring = restoreBackup(estate.path('c'), [estate.target()], { replace: true })
  await assert.rejects(restoring, { code: 'INSTANCES_LIVE', facts: { database: 'idp', live: 1 } })
  await query(estate.to.ownerUrl, 'DELETE FROM instances')
})

test('what fails on the way leaves what was there', async () => {
  await backup('d')
  const was = await dump(estate.to.ownerUrl)
  const [database, ...rest] = [estate.target(), { ...estate.target(estate.from), name: 'other' }]
  await assert.rejects(restoreBackup(estate.path('d'), [database as never, ...rest], { replace: true }), {
    code: 'BACKUP_INCOMPLETE',
  })
  const sources = estate.target().sources.slice(0, 1)
  await assert.rejects(restoreBackup(estate.path('d'), [{ ...estate.target(), sources }], { replace: true }), {
    code: 'BACKUP_TOO_NEW',
  })
  assert.deepEqual(await dump(estate.to.ownerUrl), was)
})

test('events that somebody saw and the backup lacks are told as lost', async () => {
  await backup('e')
  const [restored] = await restoreBackup(estate.path('e'), [estate.target()], { replace: true, eventsSeen: { idp: 7 } })
  assert.deepEqual(restored?.lost, { from: 1, to: 7 })
  const [event] = await query<{ lost: unknown }>(
    estate.to.ownerUrl,
    "SELECT details -> 'lost' AS lost FROM audit_events WHERE action = 'database.restored' ORDER BY inserted DESC LIMIT 1",
  )
  assert.deepEqual(event?.lost, { from: 1, to: 7 })
})

test('a backup of what was restored goes back to the first one, until an instance has chained that', async () => {
  const taken = (await backup('first')).databases[0]
  assert.equal(taken?.goesBackTo, taken?.takenAt)
  await restoreBackup(estate.path('first'), [estate.target()], { replace: true })
  const ofRestored = async () => {
    const { databases } = await takeBackup(
      estate.path('second'),
      [{ name: 'idp', ownerUrl: estate.to.ownerUrl }],
      '1.2.3',
    )
    return databases[0]
  }
  assert.equal((await ofRestored())?.goesBackTo, taken?.takenAt)
  await restoreBackup(estate.path('second'), [estate.target()], { replace: true })
  assert.equal((await ofRestored())?.goesBackTo, taken?.takenAt, 'restored twice')
  await query(estate.to.ownerUrl, 'DELETE FROM audit_waiting')
  const since = await ofRestored()
  assert.equal(since?.goesBackTo, since?.takenAt)
})

test('a file that is another one by the time it is restored changes nothing', async () => {
  const manifest = await backup('swapped')
  const was = await dump(estate.to.ownerUrl)
  await backup('swapped')
  const restoring = restoreBackup(estate.path('swapped'), [estate.target()], { replace: true, manifest })
  await assert.rejects(restoring, { code: 'BACKUP_DAMAGED', message: /was replaced while it was restored/ })
  assert.deepEqual(await dump(estate.to.ownerUrl), was)
})
