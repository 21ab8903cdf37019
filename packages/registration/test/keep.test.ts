import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { folderKeys, heldKey, keepKey } from '../src/index.ts'
import { folder } from './client.ts'

describe('a key without a registration', () => {
  let place: Awaited<ReturnType<typeof folder>>
  beforeEach(async () => {
    place = await folder()
  })
  afterEach(() => place.remove())

  const options = (rotateAfterDays = 30) => ({
    idpUrl: 'http://127.0.0.1:9',
    signingKey: join(place.path, 'one.pem'),
    jwksFile: join(place.path, 'jwks.json'),
    keyAlgorithm: 'ES256' as const,
    rotateAfterDays,
  })
  const ports = { log: () => undefined, sleep: async () => undefined }
  const taken = { announce: async () => true }

  it('is made once, by however many begin at the same time', async () => {
    const kept = await Promise.all(Array.from({ length: 5 }, () => keepKey(options(), {}, ports)))
    assert.deepEqual(new Set(kept.map(({ kid }) => kid)), new Set(['one']))
    assert.deepEqual(
      (await folderKeys(options())).published.map(({ kid }) => kid),
      ['one'],
    )
  })

  it('is replaced once by replicas that ask at the same time, when somebody has taken the new one', async () => {
    await keepKey(options(), {}, ports)
    const kept = await Promise.all(Array.from({ length: 5 }, () => keepKey(options(0), taken, ports)))
    const [kid] = kept.map((one) => one.kid)
    assert.match(kid ?? '', /^one-\d+-[0-9a-f]{4}$/)
    assert.ok(kept.every((one) => one.kid === kid))
    assert.equal(kept.filter(({ rotated }) => rotated).length, 1)
    assert.equal((await heldKey(options()))?.kid, kid)
  })

  it('waits where nobody says that he has it, and is what the next call takes', async () => {
    await keepKey(options(), {}, ports)
    const { kid, waiting } = await keepKey(options(0), {}, ports)
    assert.equal(kid, 'one')
    assert.equal((await heldKey(options()))?.kid, 'one')
    assert.deepEqual((await folderKeys(options())).waiting, waiting)
    const done = await keepKey(options(), taken, ports)
    assert.deepEqual([done.kid, done.rotated, done.waiting], [waiting, true, undefined])
  })

  it('waits while the identity provider cannot be asked whether it accepts it', async () => {
    await keepKey(options(), {}, ports)
    const { waiting } = await keepKey(options(0), { clientId: 'one' }, ports)
    assert.ok(waiting)
  })

  it('is published anew where the file of the set is gone', async () => {
    await keepKey(options(), {}, ports)
    await rm(options().jwksFile)
    assert.equal((await keepKey(options(), {}, ports)).kid, 'one')
    assert.match(await readFile(options().jwksFile, 'utf8'), /"one"/)
  })

  it('is nothing in a folder that is empty', async () => {
    assert.equal(await heldKey(options()), undefined)
    assert.deepEqual(await folderKeys(options()), { signing: undefined, waiting: undefined, published: [], used: [] })
  })
})
