import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startEmbedded } from '@rekey/database'
import { temporaryFolder } from './folder.ts'
import { Place } from './up.ts'

test('DATABASE_URL moves an estate to a PostgreSQL that is there already, leaves that running, and is backed up and restored there', async () => {
  const place = await Place.find()
  await liveOnce(place)
  const folder = temporaryFolder()
  // PostgreSQL's own user has to get in.
  chmodSync(folder, 0o755)
  const database = await startEmbedded({ home: folder, port: place.base + 40 })
  place.more = { DATABASE_URL: database.serviceUrl, DATABASE_OWNER_URL: database.ownerUrl }
  const unnamed = place.up()
  assert.deepEqual(await unnamed.exited, { code: 2, signal: null })
  assert.match(unnamed.output, /BFF_DATABASE_URL.*REKEY_BFF=off/)
  place.more.BFF_DATABASE_URL = database.bff.serviceUrl
  place.more.BFF_DATABASE_OWNER_URL = database.bff.ownerUrl
  const up = place.up()
  try {
    await up.ready()
    assert.equal(place.estate.database, database.ownerUrl)
    assert.deepEqual(
      await place.takenPorts(),
      [0, 2, 81, 82].map((offset) => place.base + offset),
    )
    const { stdout } = await place.rekey('status', '--json')
    assert.equal(JSON.parse(stdout).verifiers.length, 2)
    await assertOpen(place)
    assert.equal((await place.rekey('verify')).code, 0)
    const file = join(folder, 'estate.backup')
    assert.equal((await place.rekey('backup', file)).code, 0)
    up.signalGroup('SIGINT')
    assert.deepEqual(await up.exited, { code: 0, signal: null })
    process.kill(database.pid, 0)
    await restoredFrom(file, place)
  } finally {
    up.process.kill('SIGKILL')
    await up.exited
    await database.stop()
    place.remove()
  }
})

/** Puts back what is at `DATABASE_URL` and `BFF_DATABASE_URL`, and works on it. */
async function restoredFrom(file: string, place: Place): Promise<void> {
  const restore = () => place.rekey('restore', file, '--yes', '--replace', '--json')
  const unnamed = await restore()
  assert.deepEqual([unnamed.code, JSON.parse(unnamed.stdout).code], [2, 'WRONG_USE'])
  assert.match(unnamed.stderr, /REKEY_ROOT_KEY is not set/)
  const own = place.more
  const rootKeys = {
    REKEY_ROOT_KEY: `file:${place.path('root.key')}`,
    BFF_ROOT_KEY: `file:${place.path('bff/root.key')}`,
  }
  place.more = { ...own, ...rootKeys }
  const restored = await restore()
  assert.equal(restored.code, 0, restored.stderr)
  assert.deepEqual(
    JSON.parse(restored.stdout).databases.map(({ name }: { name: string }) => name),
    ['idp', 'bff'],
  )
  place.more = own
  const up = place.up()
  try {
    await up.ready()
    await assertOpen(place)
    assert.equal((await place.rekey('verify')).code, 0)
    up.signalGroup('SIGINT')
    assert.deepEqual(await up.exited, { code: 0, signal: null })
  } finally {
    up.process.kill('SIGKILL')
    await up.exited
  }
}

/** Starts it on its own PostgreSQL and stops it: its APIs remember that one. */
async function liveOnce(place: Place): Promise<void> {
  const up = place.up()
  await up.ready()
  await assertOpen(place)
  up.signalGroup('SIGINT')
  assert.deepEqual(await up.exited, { code: 0, signal: null })
}

async function assertOpen(place: Place): Promise<void> {
  const authorization = `Bearer ${(await place.rekey('token')).stdout.trim()}`
  for (const api of place.estate.apis) {
    const response = await fetch(`${api}/hello`, { headers: { authorization } })
    assert.deepEqual([response.status, await response.json()], [200, { hello: place.estate.agent?.clientId }])
  }
}

test('REKEY_BFF=off runs an estate without a backend for frontend', async () => {
  const place = await Place.find()
  place.more = { REKEY_BFF: 'off' }
  const up = place.up()
  try {
    await up.ready()
    assert.equal(place.estate.bff, undefined)
    assert.doesNotMatch(up.output, /BFF/)
    assert.ok(!(await place.takenPorts()).includes(place.base))
    place.more = {}
    const { code, stderr } = await place.rekey('verify')
    assert.equal(code, 2)
    assert.match(stderr, /does not say where its backend for frontend is/)
    assert.equal((await place.rekey('status')).code, 0)
  } finally {
    up.signalGroup('SIGINT')
    await up.exited
    place.remove()
  }
})
