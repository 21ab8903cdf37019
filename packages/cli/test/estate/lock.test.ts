import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { CliError } from '../../src/error.ts'
import { endLeftovers } from '../../src/estate/leftovers.ts'
import { Lock } from '../../src/estate/lock.ts'
import { identify, isAlive } from '../../src/estate/process-identity.ts'
import { temporaryFolder } from '../folder.ts'

function lockFile(): string {
  return join(temporaryFolder(), 'up.lock')
}

async function living(
  script = 'setInterval(() => {}, 1000); process.send(1)',
): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  await once(child, 'message')
  return child as ChildProcess & { pid: number }
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

test('a home whose holder is alive is refused with its pid', () => {
  const path = lockFile()
  Lock.acquire(path, process.pid)
  assert.throws(
    () => Lock.acquire(path, process.pid),
    (error: CliError) => error.code === 'ESTATE_RUNNING' && error.message.includes(`pid ${process.pid}`),
  )
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a released home is free, and nothing is left of the lock', () => {
  const path = lockFile()
  Lock.acquire(path, process.pid).release()
  assert.equal(Lock.acquire(path, process.pid).tookOver, false)
  assert.deepEqual(readdirSync(dirname(path)), ['up.lock'])
})

test('the lock of a dead holder is taken over, with the children that still run', async () => {
  const path = lockFile()
  const [holder, child, deadChild] = [await living(), await living(), await living()]
  const dead = Lock.acquire(path, holder.pid)
  dead.record(child.pid)
  dead.record(deadChild.pid)
  await kill(holder)
  await kill(deadChild)
  const lock = Lock.acquire(path, process.pid)
  assert.equal(lock.tookOver, true)
  assert.deepEqual(
    lock.leftBehind.map(({ pid }) => pid),
    [child.pid],
  )
  dead.release()
  assert.ok(existsSync(path), 'a dead holder must not release a lock that is no longer his')
  await kill(child)
})

test('a process that got the number of the dead holder does not keep the home', () => {
  const path = lockFile()
  writeFileSync(path, JSON.stringify({ holder: { pid: process.pid, startedAt: 'another boot/1' }, children: [] }))
  assert.equal(Lock.acquire(path, process.pid).tookOver, true)
})

test('half a lock, as a crash of the machine leaves it, is as good as dead', () => {
  const path = lockFile()
  writeFileSync(path, '{"holder": {"pi')
  assert.equal(Lock.acquire(path, process.pid).tookOver, true)
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).holder.pid, process.pid)
})

test('a process that ended is not alive, not even before it was waited for', async () => {
  const child = await living()
  const identity = identify(child.pid)
  assert.ok(identity && isAlive(identity))
  await kill(child)
  assert.equal(isAlive(identity), false)
})

test('what an estate left behind is ended, also when it does not listen to SIGTERM', async () => {
  const polite = await living()
  const deaf = await living("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.send(1)")
  const leftovers = [polite, deaf].flatMap(({ pid }) => identify(pid) ?? [])
  // A clock that runs fast, so that nobody waits for the patience with the deaf one.
  let now = 0
  await endLeftovers(leftovers, () => {
    now += 50
    return now
  })
  assert.deepEqual(leftovers.filter(isAlive), [])
})
