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
  const database = await startEmbedded({ home: folder, port: place.base + 10 })
  place.more = { DATABASE_URL: database.serviceUrl, DATABASE_OWNER_URL: database.ownerUrl }
  const up = place.up()
  try {
    await up.ready()
    assert.equal(place.estate.database, database.ownerUrl)
    assert.deepEqual(await place.takenPorts(), [place.base + 2, place.base + 81, place.base + 82])
    const { stdout } = await place.rekey('status', '--json')
    assert.equal(JSON.parse(stdout).verifiers.length, 2)
    await assertOpen(place)
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
