import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { executable, Place } from './up.ts'

/** Somebody who is not root, when we are root and he may read this checkout; otherwise the reason why there is nobody. */
function somebodyElse(): { uid: number; gid: number } | string {
  if (process.getuid?.() !== 0) return 'the other tests run as an ordinary user already'
  const fields = /^nobody:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0].split(':')
  if (!fields) return 'there is no user "nobody" here'
  const user = { uid: Number(fields[2]), gid: Number(fields[3]) }
  const tried = spawnSync(process.execPath, [executable, '--help'], { ...user, cwd: '/', env: {} })
  return tried.status === 0 ? user : 'the user "nobody" cannot read this checkout'
}

const user = somebodyElse()

test('an ordinary user runs the whole estate', { skip: typeof user === 'string' && user }, async () => {
  assert.ok(typeof user !== 'string')
  const place = await Place.find(user)
  const up = place.up()
  try {
    await up.ready()
    const token = (await place.rekey('token')).stdout.trim()
    const headers = { authorization: `Bearer ${token}` }
    for (const api of place.estate.apis) assert.equal((await fetch(`${api}/hello`, { headers })).status, 200)
    assert.equal(statSync(place.path('root.key')).uid, user.uid)
    up.signalGroup('SIGINT')
    assert.deepEqual(await up.exited, { code: 0, signal: null })
    assert.deepEqual(await place.takenPorts(), [])
  } finally {
    up.process.kill('SIGKILL')
    await up.exited
    place.remove()
  }
})
