import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/connection/connect.ts'
import { asDatabaseError } from '../../src/connection/translate.ts'
import { startEmbedded } from '../../src/embedded/start.ts'
import { freePort } from '../../src/testing/port.ts'
import { refused } from '../refused.ts'
import { atEnd, started, temporaryHome } from './home.ts'

test('a disk too small for the first start is told', async (t) => {
  const home = await smallDisk(t, 8)
  if (!home) return
  await refused(startEmbedded({ home, port: await freePort() }), 'DISK_FULL')
})

test('a disk that fills up is told by statements and by the next start, and the data is there when there is room', async (t) => {
  // How much the start needs differs: the binaries may have to be copied into the home.
  const home = await smallDisk(t, 1024)
  if (!home) return
  const server = await started(t, home)
  await leaveFree(home, 40)
  const { pool, close } = connect(server.ownerUrl, { max: 1 })
  await pool.query('CREATE TABLE kept AS SELECT 42 AS answer')
  await pool.query('CREATE TABLE big (filler text)')
  const fill = 'INSERT INTO big SELECT repeat(md5(n::text), 60) FROM generate_series(1, 100000) n'
  const filling = pool.query(fill).catch((error) => Promise.reject(asDatabaseError(error)))
  await refused(filling, 'DISK_FULL')
  await close()
  await server.stop()

  await leaveFree(home, 0)
  await refused(startEmbedded({ home, port: await freePort() }), 'DISK_FULL')

  await leaveFree(home, 100)
  const again = await started(t, home)
  const after = connect(again.ownerUrl)
  atEnd(t, after.close)
  assert.deepEqual((await after.pool.query('SELECT answer FROM kept')).rows, [{ answer: 42 }])
})

async function smallDisk(t: TestContext, megabytes: number): Promise<string | undefined> {
  const home = await temporaryHome(t)
  await mkdir(home)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=711`, 'tmpfs', home], { stdio: 'pipe' })
  } catch (error) {
    t.skip(`NOT TESTED: no small file system can be mounted here (${(error as Error).message.trim()})`)
    return undefined
  }
  atEnd(t, () => execFileSync('umount', ['--lazy', home]))
  return home
}

/** Makes the disk larger or smaller, so that there is just this much room on it. */
async function leaveFree(home: string, megabytes: number): Promise<void> {
  const { blocks, bfree, bsize } = await statfs(home)
  const size = (blocks - bfree) * bsize + megabytes * 1024 * 1024
  execFileSync('mount', ['-o', `remount,size=${size}`, home], { stdio: 'pipe' })
}
