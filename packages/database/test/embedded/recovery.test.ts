import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from '../../src/connection/connect.ts'
import { freePort } from '../../src/testing/port.ts'
import { atEnd, started, startedElsewhere, starter, temporaryHome } from './home.ts'

test('what was committed survives a kill -9 of the server', async (t) => {
  const home = await temporaryHome(t)
  const first = await started(t, home)
  const before = connect(first.ownerUrl)
  await before.pool.query('CREATE TABLE kept AS SELECT 42 AS answer')
  process.kill(first.pid, 'SIGKILL')
  assert.deepEqual(await first.exited, { code: null, signal: 'SIGKILL' })
  await before.close()

  const second = await started(t, home)
  const after = connect(second.ownerUrl)
  atEnd(t, after.close)
  assert.deepEqual((await after.pool.query('SELECT answer FROM kept')).rows, [{ answer: 42 }])
})

test('a server whose starter was killed is ended by the next start', async (t) => {
  const home = await temporaryHome(t)
  const { child, pid, ownerUrl } = await startedElsewhere(starter(home, await freePort()))
  child.kill('SIGKILL')
  await once(child, 'exit')
  await answers(ownerUrl)

  const next = await started(t, home)
  assert.notEqual(next.pid, pid)
  await answers(next.ownerUrl)
  await assert.rejects(answers(ownerUrl), { code: 'ECONNREFUSED' })
})

test('Ctrl-C in the terminal of the starter does not reach the server', async (t) => {
  const home = await temporaryHome(t)
  const { child, ownerUrl } = await startedElsewhere(starter(home, await freePort()))
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await once(child, 'exit')
  await answers(ownerUrl)
  await started(t, home)
})

test('a stale lock file is no obstacle, even if its process number is now that of another program', async (t) => {
  const home = await temporaryHome(t)
  const first = await started(t, home)
  const lockFile = join(first.dataFolder, 'postmaster.pid')
  const lock = await readFile(lockFile, 'utf8')
  await first.stop()
  const { uid, gid } = await stat(first.dataFolder)
  const sameUser = process.getuid?.() === 0 ? { uid, gid } : {}
  const other = spawn('/bin/sleep', ['60'], { cwd: '/', ...sameUser })
  atEnd(t, () => other.kill())
  await writeFile(lockFile, lock.replace(/^\d+/, `${other.pid}`))

  await started(t, home)
  assert.deepEqual([other.exitCode, other.signalCode], [null, null])
})

test('a first start that was killed midway is done again', async (t) => {
  const home = await temporaryHome(t)
  await mkdir(home, { mode: 0o711 })
  const begun = new Promise<void>((resolve) => {
    const watcher = watch(home, (_event, name) => {
      if (name !== 'postgresql.new') return
      watcher.close()
      resolve()
    })
  })
  const child = starter(home, await freePort())
  const ended = once(child, 'close')
  await begun
  process.kill(-(child.pid ?? 0), 'SIGKILL')
  await ended
  assert.ok((await readdir(home)).includes('postgresql.new'))
  assert.ok(!(await readdir(home)).includes('postgresql'))

  await started(t, home)
  assert.ok(!(await readdir(home)).includes('postgresql.new'))
  assert.ok(!(await readdir(home)).includes('postgresql.password'))
})

test('a lost password file is made anew, and the data is still there', async (t) => {
  const home = await temporaryHome(t)
  const first = await started(t, home)
  const before = connect(first.ownerUrl)
  await before.pool.query('CREATE TABLE kept AS SELECT 42 AS answer')
  await before.close()
  await first.stop()
  await rm(join(home, 'postgres.json'))

  const second = await started(t, home)
  assert.notEqual(second.ownerUrl.split('@')[0], first.ownerUrl.split('@')[0])
  const after = connect(second.ownerUrl)
  atEnd(t, after.close)
  assert.deepEqual((await after.pool.query('SELECT answer FROM kept')).rows, [{ answer: 42 }])
})

async function answers(url: string): Promise<void> {
  const { pool, close } = connect(url)
  await pool.query('SELECT 1').finally(close)
}
