import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Place, type Up } from 'rekey/testing'
import { until } from './estate/until.ts'

async function hello(place: Place, token: string): Promise<number[]> {
  const headers = { authorization: `Bearer ${token}` }
  return Promise.all(place.estate.apis.map(async (api) => (await fetch(`${api}/hello`, { headers })).status))
}

async function done(place: Place, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.rekey(...words)
  assert.equal(code, 0, `${words.join(' ')}: ${stderr}`)
  return stdout
}

async function stop(up: Up): Promise<void> {
  up.signalGroup('SIGINT')
  assert.deepEqual(await up.exited, { code: 0, signal: null })
}

/** Its PostgreSQL is left behind, in the middle of whatever it was at. */
async function killedWhileRestoring(place: Place, file: string, port: number): Promise<void> {
  const { process: restoring, ended } = place.start('restore', file, '--yes')
  await until('PostgreSQL answers', () => once(connect(port, '127.0.0.1'), 'connect'))
  restoring.kill('SIGKILL')
  await ended
}

test('an estate is backed up under load, lost, and restored: it works, and what was revoked since stays so', async () => {
  const place = await Place.find()
  const file = join(place.home, 'estate.backup')
  let up = place.up()
  try {
    await up.ready()
    const port = Number(new URL(place.estate.database ?? '').port)
    const stolen = JSON.parse(await done(place, 'agent', 'create', 'stolen', '--json'))
    const endLoad = await place.load(50)
    await done(place, 'backup', file)
    assert.deepEqual(JSON.parse((await endLoad()).stdout).failed ?? 0, 0)
    const { databases } = JSON.parse(await done(place, 'backup', 'verify', file, '--json'))
    assert.deepEqual(
      databases.map(({ name }: { name: string }) => name),
      ['idp', 'bff'],
    )
    await done(place, 'agent', 'suspend', stolen.clientId, '--reason', 'leaked')
    await done(place, 'agent', 'create', 'since')
    const token = (await done(place, 'token')).trim()
    const running = await place.rekey('restore', file, '--yes', '--replace', '--json')
    assert.equal(JSON.parse(running.stdout || running.stderr).code, 'ESTATE_RUNNING')
    await stop(up)

    assert.match((await place.rekey('restore', file)).stderr, /nothing was changed/)
    const key = readFileSync(place.path('root.key'), 'utf8')
    writeFileSync(place.path('root.key'), `${'ab'.repeat(32)}\n`)
    const foreign = await place.rekey('restore', file, '--yes', '--replace')
    assert.match(foreign.stderr, /sealed under root key [0-9a-f]{12}/)
    writeFileSync(place.path('root.key'), key)
    place.removeDatabase()
    await killedWhileRestoring(place, file, port)
    // What was killed may have been through already.
    await done(place, 'restore', file, '--yes', '--replace')
    assert.ok(readdirSync(place.path('.')).some((name) => /^audit-checkpoints\.before-\d+$/.test(name)))

    up = place.up()
    await up.ready()
    const agents = await done(place, 'agent', 'list')
    assert.match(agents, /stolen +suspended/)
    assert.doesNotMatch(agents, /since/)
    assert.deepEqual(await hello(place, token), [200, 200], 'tokens of clients that were not revoked go on')
    assert.deepEqual(await hello(place, (await done(place, 'token')).trim()), [200, 200])
    await done(place, 'audit', 'verify')
    await done(place, 'audit', 'verify', '--bff')
    await done(place, 'verify')
    const actions = await done(place, 'audit', 'list', '--json')
    assert.match(actions, /database\.restored/)
    assert.match(actions, /revocations\.applied/)
    await done(place, 'rotate', 'signing-es256')
    await stop(up)
    await done(place, 'backup', join(place.home, 'idle.backup'))
    assert.ok(existsSync(join(place.home, 'idle.backup')))
  } finally {
    up.process.kill('SIGKILL')
    await up.exited
    place.remove()
  }
})
