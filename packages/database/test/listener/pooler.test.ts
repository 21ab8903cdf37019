import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { connect, notifyThrough } from '../../src/connection/connect.ts'
import { serverAccount } from '../../src/embedded/account.ts'
import { openJobs } from '../../src/jobs/open.ts'
import { openListener } from '../../src/listener/open.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { testDatabase } from '../../src/testing/database.ts'
import { eventually } from '../../src/testing/eventually.ts'
import { freePort } from '../../src/testing/port.ts'
import { refused } from '../refused.ts'
import { happenings } from './happenings.ts'

const program = installed()
const skip = program ? false : 'NOT TESTED: PgBouncer is not installed (Debian: apt-get install pgbouncer)'

test('a pooler in transaction mode is recognised, and the way out is named', { skip }, async (t) => {
  const pooledUrl = await pooled(t, 'transaction')
  const pool = connect(pooledUrl)
  t.after(pool.close)
  const options = { url: pooledUrl, channel: 'revision', notify: notifyThrough(pool.pool), ...happenings() }
  const error = await refused(openListener(options), 'LISTEN_UNSUPPORTED')
  assert.match(error.message, /DATABASE_DIRECT_URL/)
})

test('a pooler in session mode carries LISTEN', { skip }, async (t) => {
  const pooledUrl = await pooled(t, 'session')
  const pool = connect(pooledUrl)
  t.after(pool.close)
  const heard = happenings()
  const notify = notifyThrough(pool.pool)
  const listener = await openListener({ url: pooledUrl, channel: 'revision', notify, ...heard })
  await notify('revision', '1')
  assert.equal(await heard.next(), 'notify:1')
  listener.close()
})

test('a pooler in transaction mode carries jobs: those of a transaction, those left behind and those on schedule', {
  skip,
}, async (t) => {
  const { pool, db, close } = connect<DatabaseTables>(await pooled(t, 'transaction'))
  t.after(close)
  const faults: unknown[] = []
  const jobs = await openJobs(pool, {
    enabled: () => true,
    onError: (error) => faults.push(error),
    superviseSeconds: 1,
  })
  t.after(() => jobs.close())
  const queue = await jobs.queue<{ note: string }>('pooled', { expireInSeconds: 1 })
  await jobs.schedule(queue, '0 * * * *')
  await db.transaction().execute((transaction) => queue.insert([{ data: { note: 'first' } }], transaction))
  assert.equal((await queue.take(1)).length, 1, 'and nothing is said of it any more')
  const notes: string[] = []
  jobs.work(queue, { everyMs: 20 }, async (taken) => void notes.push(...taken.map(({ data }) => data.note)))
  await queue.insert([{ data: { note: 'second' } }])
  await eventually(
    () => notes,
    (all) => all.includes('first') && all.includes('second'),
  )
  assert.deepEqual(faults, [])
})

async function pooled(t: TestContext, mode: string): Promise<string> {
  const database = await testDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'rekey-pooler-'))
  const port = await freePort()
  const target = new URL(database.serviceUrl)
  const config = `[databases]
pooled = host=${target.hostname} port=${target.port} dbname=${target.pathname.slice(1)} user=${target.username} password=${target.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
`
  await chmod(folder, 0o755)
  await writeFile(join(folder, 'pooler.ini'), config)
  const child = await run(join(folder, 'pooler.ini'))
  t.after(async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    await database.drop()
    await rm(folder, { recursive: true, force: true })
  })
  return `postgres://any@127.0.0.1:${port}/pooled`
}

async function run(config: string): Promise<ChildProcess> {
  // PgBouncer refuses to run as root, as PostgreSQL does.
  const { uid, gid } = await serverAccount(undefined)
  const child = spawn(program ?? '', [config], { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], uid, gid })
  const said: string[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line)
    if (line.includes('process up')) {
      child.stderr.resume()
      return child
    }
  }
  throw new Error(`PgBouncer did not start: ${said.join('\n')}`)
}

function installed(): string | undefined {
  try {
    return execFileSync('/bin/sh', ['-c', 'PATH=$PATH:/usr/sbin command -v pgbouncer'], { stdio: 'pipe' })
      .toString()
      .trim()
  } catch {
    // The shell's way of saying that there is none.
    return undefined
  }
}
