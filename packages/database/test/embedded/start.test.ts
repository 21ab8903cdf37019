import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from '../../src/connection/connect.ts'
import { asDatabaseError } from '../../src/connection/translate.ts'
import { refused } from '../refused.ts'
import { atEnd, started, temporaryHome } from './home.ts'

test('the first start makes a database whose owner is no superuser and whose service role owns nothing', async (t) => {
  const server = await started(t, await temporaryHome(t))
  const owner = connect(server.ownerUrl)
  const service = connect(server.serviceUrl)
  atEnd(t, () => Promise.all([owner.close(), service.close()]))

  const roles = await owner.pool.query(
    "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname LIKE 'rekey%' ORDER BY 1",
  )
  const plain = { rolsuper: false, rolcreaterole: false, rolcreatedb: false }
  assert.deepEqual(roles.rows, [
    { rolname: 'rekey_bff_service', ...plain },
    { rolname: 'rekey_owner', ...plain },
    { rolname: 'rekey_service', ...plain },
  ])
  await owner.pool.query('CREATE TABLE made_by_owner ()')
  await assert.rejects(service.pool.query('CREATE TABLE made_by_service ()'), { code: '42501' })
  await assert.rejects(service.pool.query('DROP TABLE made_by_owner'), { code: '42501' })
})

test('either service gets into its own database, and into no other', async (t) => {
  const { serviceUrl, ownerUrl, bff } = await started(t, await temporaryHome(t))
  const at = (url: string, other: string) => Object.assign(new URL(url), { pathname: new URL(other).pathname }).href
  for (const url of [serviceUrl, bff.serviceUrl, ownerUrl, bff.ownerUrl]) {
    const { pool, close } = connect(url)
    atEnd(t, close)
    const { rows } = await pool.query('SELECT current_database() AS database, current_user AS role')
    const { pathname, username } = new URL(url)
    assert.deepEqual(rows, [{ database: pathname.slice(1), role: username }])
  }
  for (const url of [at(serviceUrl, bff.serviceUrl), at(bff.serviceUrl, serviceUrl)]) {
    const { pool, close } = connect(url)
    atEnd(t, close)
    await assert.rejects(pool.query('SELECT 1'), { code: '42501' })
  }
})

test('a home of a release without the second database gets it, and keeps its passwords', async (t) => {
  const home = await temporaryHome(t)
  const first = await started(t, home)
  await first.stop()
  const file = join(home, 'postgres.json')
  const { bffService, ...before } = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify(before))
  const { pool, close } = connect((await started(t, home)).bff.serviceUrl)
  atEnd(t, close)
  assert.equal((await pool.query('SELECT 1')).rowCount, 1)
  const { bffService: added, ...after } = JSON.parse(await readFile(file, 'utf8'))
  assert.deepEqual(after, before)
  assert.ok(added && added !== bffService)
})

test('the server syncs to disk, listens on loopback only and takes no socket files', async (t) => {
  const server = await started(t, await temporaryHome(t))
  const { pool, close } = connect(server.ownerUrl)
  atEnd(t, close)
  const settings = await pool.query(
    "SELECT current_setting('fsync') AS fsync, current_setting('listen_addresses') AS addresses, current_setting('full_page_writes') AS pages",
  )
  assert.deepEqual(settings.rows, [{ fsync: 'on', addresses: '127.0.0.1', pages: 'on' }])
})

test('passwords are kept from other users, and a wrong one is refused', async (t) => {
  const home = await temporaryHome(t)
  const server = await started(t, home)
  assert.equal((await stat(join(home, 'postgres.json'))).mode & 0o777, 0o600)
  assert.equal((await stat(join(home, 'postgresql.log'))).mode & 0o777, 0o600)
  const wrong = new URL(server.ownerUrl)
  wrong.password = 'guessed'
  const { pool, close } = connect(wrong.href)
  atEnd(t, close)
  const refusal = pool.query('SELECT 1').catch((error) => Promise.reject(asDatabaseError(error)))
  await refused(refusal, 'AUTHENTICATION_FAILED')
})

test('data and passwords outlive a stop', async (t) => {
  const home = await temporaryHome(t)
  const first = await started(t, home)
  const before = connect(first.ownerUrl)
  await before.pool.query('CREATE TABLE kept AS SELECT 42 AS answer')
  await before.close()
  await first.stop()
  assert.deepEqual(await first.exited, { code: 0, signal: null })

  const second = await started(t, home)
  assert.equal(new URL(second.ownerUrl).password, new URL(first.ownerUrl).password)
  const after = connect(second.ownerUrl)
  atEnd(t, after.close)
  assert.deepEqual((await after.pool.query('SELECT answer FROM kept')).rows, [{ answer: 42 }])
})

test('a stop takes less than 3 s although a client is in the middle of a statement', async (t) => {
  const server = await started(t, await temporaryHome(t))
  const { pool, close } = connect(server.ownerUrl)
  atEnd(t, close)
  const busy = assert.rejects(pool.query('SELECT pg_sleep(60)'))
  await pool.query('SELECT 1')
  const startMs = performance.now()
  await Promise.all([server.stop(), server.stop()])
  assert.ok(performance.now() - startMs < 3000)
  await busy
  await server.stop()
})

test('the log goes to a callback, line by line, instead of the file', async (t) => {
  const home = await temporaryHome(t)
  const lines: string[] = []
  await started(t, home, (line) => lines.push(line))
  assert.ok(lines.some((line) => line.endsWith('database system is ready to accept connections')))
  await assert.rejects(stat(join(home, 'postgresql.log')), { code: 'ENOENT' })
})
