import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '@rekey/database/testing'
import type { CliError } from '../../src/error.ts'
import { Database, namedDatabase, requireBffDatabase } from '../../src/estate/database.ts'
import { isFree } from '../../src/estate/ports.ts'
import { readIfPresent } from '../../src/estate/private-file.ts'
import { identify } from '../../src/estate/process-identity.ts'
import { temporaryFolder } from '../folder.ts'

test('a PostgreSQL that is killed is started again under the same address, until it is stopped', async () => {
  const home = temporaryFolder()
  // PostgreSQL's own user has to get in when this is run by root.
  chmodSync(home, 0o755)
  const port = await freePort()
  const told = new EventEmitter()
  const database = await Database.start({ home, port, tell: (line) => told.emit('line', line) })
  const { ownerUrl, serviceUrl } = database
  const first = pidIn(home)

  const said = once(told, 'line')
  process.kill(first, 'SIGKILL')
  assert.match((await said)[0], /PostgreSQL ended; it is started again in 250 ms/)
  while ([0, first].includes(pidIn(home)) || (await isFree(port))) await delay(20)
  assert.deepEqual([database.ownerUrl, database.serviceUrl], [ownerUrl, serviceUrl])

  const second = pidIn(home)
  await database.stop()
  assert.equal(identify(second), undefined)
  assert.equal(await isFree(port), true)
})

test('the environment may name a database, and the role that owns its tables', () => {
  assert.equal(namedDatabase({}), undefined)
  assert.deepEqual(namedDatabase({ DATABASE_URL: 'postgres://a' }), {
    serviceUrl: 'postgres://a',
    ownerUrl: 'postgres://a',
  })
  assert.deepEqual(namedDatabase({ DATABASE_URL: 'postgres://a', DATABASE_DIRECT_URL: 'postgres://b' }), {
    serviceUrl: 'postgres://a',
    ownerUrl: 'postgres://a',
    directUrl: 'postgres://b',
  })
  assert.equal(namedDatabase({ DATABASE_DIRECT_URL: 'postgres://b' }), undefined)
  const both = { DATABASE_URL: 'postgres://service', DATABASE_OWNER_URL: 'postgres://owner' }
  assert.deepEqual(namedDatabase(both), { serviceUrl: 'postgres://service', ownerUrl: 'postgres://owner' })
})

/** The process that PostgreSQL says it is; 0 while there is none. */
function pidIn(home: string): number {
  return Number(readIfPresent(join(home, 'postgresql/postmaster.pid'))?.split('\n')[0] ?? 0)
}

test('a backend for frontend has a database of its own: on a PostgreSQL of the operator’s one that he names', () => {
  const idp = { DATABASE_URL: 'postgres://service:hunter2@db/rekey' }
  const named = { ...idp, BFF_DATABASE_URL: 'postgres://bff@db/rekey_bff' }
  requireBffDatabase({})
  requireBffDatabase({ BFF_DATABASE_URL: 'postgres://bff@db/rekey_bff' })
  requireBffDatabase(named)
  assert.deepEqual(namedDatabase({ ...named, BFF_DATABASE_OWNER_URL: 'postgres://owner@db/rekey_bff' }, 'BFF_'), {
    serviceUrl: 'postgres://bff@db/rekey_bff',
    ownerUrl: 'postgres://owner@db/rekey_bff',
  })
  for (const env of [idp, { ...idp, BFF_DATABASE_URL: 'postgres://bff@db/rekey' }]) {
    assert.throws(
      () => requireBffDatabase(env),
      (error: CliError) =>
        error.code === 'WRONG_USE' &&
        /BFF_DATABASE_URL.*REKEY_BFF=off/.test(error.message) &&
        !/hunter2/.test(error.message),
    )
  }
})
