import assert from 'node:assert/strict'
import { chmod, cp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/connection/connect.ts'
import { type Embedded, startEmbedded } from '../../src/embedded/start.ts'
import { freePort } from '../../src/testing/port.ts'
import { refused } from '../refused.ts'
import { atEnd, started, temporaryHome } from './home.ts'

const notRoot = process.getuid?.() !== 0 && 'NOT TESTED: only root keeps data outside of the home'

test('a home that is moved takes its data with it', async (t) => {
  const home = await temporaryHome(t)
  await (await filled(t, home)).stop()
  await rename(home, `${home}-moved`)
  const moved = await started(t, `${home}-moved`)
  assert.equal(moved.dataFolder, join(`${home}-moved`, 'postgresql'))
  await holdsItsData(moved)
})

test('as root, a home that is moved and moved back finds its data outside each time', { skip: notRoot }, async (t) => {
  const home = await closedHome(t)
  const first = await filled(t, home)
  forgetAtEnd(t, first)
  await first.stop()
  const record = await readFile(join(home, 'postgres.json'), 'utf8')

  await rename(home, `${home}-moved`)
  const moved = await started(t, `${home}-moved`)
  assert.equal(moved.dataFolder, first.dataFolder)
  await holdsItsData(moved)
  await moved.stop()
  assert.equal(await readFile(join(`${home}-moved`, 'postgres.json'), 'utf8'), record)

  await rename(`${home}-moved`, home)
  await holdsItsData(await started(t, home))
})

test('data that is not where the home says is told with the folder, and nothing is begun in its place', async (t) => {
  const home = await temporaryHome(t)
  const first = await filled(t, home)
  await first.stop()
  const record = await readFile(join(home, 'postgres.json'), 'utf8')
  await rename(first.dataFolder, `${first.dataFolder}-elsewhere`)

  const error = await refused(startEmbedded({ home, port: await freePort() }), 'DATA_FOLDER_UNREACHABLE')
  assert.equal(error.facts.folder, first.dataFolder)
  assert.match(error.message, new RegExp(`there is no ${first.dataFolder}\\..*"dataFolder"`))
  assert.equal(await readFile(join(home, 'postgres.json'), 'utf8'), record)
  await assert.rejects(stat(first.dataFolder), { code: 'ENOENT' })

  await writeFile(join(home, 'postgres.json'), record.replace('"postgresql"', '"postgresql-elsewhere"'))
  await holdsItsData(await started(t, home))
})

test('as root, a copied home is refused while the original uses the data', { skip: notRoot }, async (t) => {
  const home = await closedHome(t)
  const original = await filled(t, home)
  forgetAtEnd(t, original)
  await cp(home, `${home}-copy`, { recursive: true })
  const error = await refused(startEmbedded({ home: `${home}-copy`, port: await freePort() }), 'DATA_FOLDER_IN_USE')
  assert.equal(error.facts.pid, original.pid)
  await holdsItsData(original)
})

test('a home that does not say yet where its data lies is completed, unless the data is not found', async (t) => {
  const home = await temporaryHome(t)
  const first = await filled(t, home)
  await first.stop()
  const file = join(home, 'postgres.json')
  const { dataFolder, ...passwords } = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify(passwords))
  await (await started(t, home)).stop()
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { ...passwords, dataFolder })

  await writeFile(file, JSON.stringify(passwords))
  await rename(first.dataFolder, `${first.dataFolder}-elsewhere`)
  await refused(startEmbedded({ home, port: await freePort() }), 'DATA_FOLDER_UNREACHABLE')
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), passwords)
})

test('a damaged record is refused without quoting it, and is not replaced', async (t) => {
  const home = await temporaryHome(t)
  await (await started(t, home)).stop()
  const file = join(home, 'postgres.json')
  for (const damaged of ['{"superuser": "secret-of-mine', '{"owner": "secret-of-mine"}', 'null']) {
    await writeFile(file, damaged)
    const error = await refused(startEmbedded({ home, port: await freePort() }), 'START_FAILED')
    assert.ok(error.message.includes(file))
    assert.ok(!`${error.stack}${error.cause}`.includes('secret-of-mine'))
    assert.equal(await readFile(file, 'utf8'), damaged)
  }
})

/** A home that the server's user cannot enter, when root starts it. */
async function closedHome(t: TestContext): Promise<string> {
  const home = await temporaryHome(t)
  await chmod(dirname(home), 0o700)
  return home
}

async function filled(t: TestContext, home: string): Promise<Embedded> {
  const server = await started(t, home)
  const { pool, close } = connect(server.ownerUrl)
  await pool.query('CREATE TABLE kept AS SELECT 42 AS answer').finally(close)
  return server
}

async function holdsItsData(server: Embedded): Promise<void> {
  const { pool, close } = connect(server.ownerUrl)
  const { rows } = await pool.query('SELECT answer FROM kept').finally(close)
  assert.deepEqual(rows, [{ answer: 42 }])
}

function forgetAtEnd(t: TestContext, { dataFolder, stop }: Embedded): void {
  atEnd(t, async () => {
    await stop()
    await rm(dirname(dataFolder), { recursive: true, force: true })
  })
}
