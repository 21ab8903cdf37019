import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { startEmbedded } from '@rekey/database'
import { temporaryFolder } from './folder.ts'
import { Place } from './up.ts'

test('DATABASE_URL moves an estate to a PostgreSQL that is there already, and leaves that running', async () => {
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
    up.signalGroup('SIGINT')
    assert.deepEqual(await up.exited, { code: 0, signal: null })
    process.kill(database.pid, 0)
  } finally {
    up.process.kill('SIGKILL')
    await up.exited
    await database.stop()
    place.remove()
  }
})

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
