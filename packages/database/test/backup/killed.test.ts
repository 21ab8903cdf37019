import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { verifyBackup } from '../../src/backup/read.ts'
import { takeBackup } from '../../src/backup/take.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { dump, type Estate, openEstate, query } from './estate.ts'

let estate: Estate
before(async () => {
  estate = await openEstate()
})
after(() => estate.close())

const worker = fileURLToPath(new URL('./worker.ts', import.meta.url))

/** Runs a process until it waits for a lock on a table, and kills it there. */
async function killAt(table: string, lockedIn: string, ...words: string[]): Promise<void> {
  const holder = new pg.Client(lockedIn)
  await holder.connect()
  await holder.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
  const child = spawn(process.execPath, [worker, ...words], { stdio: 'inherit' })
  const exited = once(child, 'exit')
  try {
    await eventually(
      async () => {
        const { rows } = await holder.query('SELECT FROM pg_locks WHERE NOT granted AND relation = $1::regclass', [
          table,
        ])
        return rows.length
      },
      (waiting) => waiting > 0,
    )
    child.kill('SIGKILL')
    assert.deepEqual(await exited, [null, 'SIGKILL'])
  } finally {
    child.kill('SIGKILL')
    await holder.end()
  }
}

test('a backup that is killed leaves no file, and takes nothing from the one before', async () => {
  const path = estate.path('backup')
  await killAt('verifiers', estate.from.ownerUrl, 'take', path, estate.from.ownerUrl)
  assert.equal(existsSync(path), false)
  await takeBackup(path, [{ name: 'database-1', ownerUrl: estate.from.ownerUrl }], '1.0.0')
  await killAt('verifiers', estate.from.ownerUrl, 'take', path, estate.from.ownerUrl)
  assert.equal((await verifyBackup(path)).release, '1.0.0')
})

test('a restore that is killed half way leaves both databases as they were, and can be repeated', async () => {
  const { from, to } = estate
  const path = estate.path('both')
  const sources = [from, to].map(({ ownerUrl }, index) => ({ name: `database-${index + 1}`, ownerUrl }))
  await takeBackup(path, sources, '1.0.0')
  await query(from.ownerUrl, "INSERT INTO agents (agent_id, organization_id) VALUES ('since', 'org')")
  const was = [await dump(from.ownerUrl), await dump(to.ownerUrl)]
  // The first one has all its rows by then.
  await killAt('agents', to.ownerUrl, 'restore', path, from.ownerUrl, to.ownerUrl)
  await eventually(
    async () => {
      const busy = await query(
        from.adminUrl,
        "SELECT FROM pg_stat_activity WHERE application_name = 'rekey migrate' AND datname = current_database()",
      )
      return busy.length
    },
    (busy) => busy === 0,
  )
  assert.deepEqual([await dump(from.ownerUrl), await dump(to.ownerUrl)], was)

  const again = spawn(process.execPath, [worker, 'restore', path, from.ownerUrl, to.ownerUrl], { stdio: 'inherit' })
  assert.deepEqual(await once(again, 'exit'), [0, null])
  assert.deepEqual(await query(from.ownerUrl, "SELECT FROM agents WHERE agent_id = 'since'"), [])
})
