import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect } from '../../src/connection/connect.ts'
import { folderPrefix, removeLeftovers } from '../../src/testing/leftovers.ts'
import { freePort } from '../../src/testing/port.ts'
import { startedElsewhere, starter, temporaryHome } from '../embedded/home.ts'

const runner = fileURLToPath(new URL('./runner.ts', import.meta.url))

test('a test server and its folder go with a run that is killed', async (t) => {
  const folder = dirname(await temporaryHome(t))
  const child = spawn(process.execPath, [runner], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [adminUrl] = await once(createInterface({ input: child.stdout }), 'line')
  assert.equal((await readdir(folder)).length, 1)
  child.kill('SIGKILL')
  await until(async () => (await readdir(folder)).length === 0)
  await assert.rejects(connect(adminUrl).pool.query('SELECT 1'), { code: 'ECONNREFUSED' })
})

test('what a run left behind together with its server is removed, and what a living one has is not', async (t) => {
  const folder = dirname(await temporaryHome(t))
  const ours = await folderPrefix()
  const dead = ours.replace(`-${process.pid}-`, `-${spawnSync('true').pid}-`)
  const otherNamespace = dead.replace(/\d+/, (namespace) => `${Number(namespace) + 1}`)
  const left = join(folder, `${dead}aaaaaa`)
  for (const name of [`${ours}bbbbbb`, `${otherNamespace}cccccc`, 'rekey-test-dddddd']) await mkdir(join(folder, name))
  await mkdir(left)
  await chmod(left, 0o711)
  const { child, ownerUrl } = await startedElsewhere(starter(left, await freePort()))
  child.kill('SIGKILL')
  await once(child, 'exit')

  await removeLeftovers(folder)
  await assert.rejects(connect(ownerUrl).pool.query('SELECT 1'), { code: 'ECONNREFUSED' })
  const names = [`${ours}bbbbbb`, `${otherNamespace}cccccc`, 'rekey-test-dddddd']
  assert.deepEqual((await readdir(folder)).sort(), names.sort())
})

/** The end of a process that is not ours is told by no event. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 250; looks += 1) {
    if (await isTrue()) return
    await delay(20)
  }
  assert.fail('it did not come true within 5 s')
}
