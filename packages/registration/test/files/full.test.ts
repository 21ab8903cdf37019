import assert from 'node:assert/strict'
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { disk } from '../../src/files/disk.ts'
import { atModern } from '../at-modern.ts'
import { folder, pem, start, stored } from '../client.ts'
import { spawned } from '../spawned.ts'

describe('a full disk', () => {
  const at = atModern()

  /** Files of which the n-th change fails. */
  function failingAt(nth: number) {
    let changes = 0
    const counted =
      <A extends unknown[]>(act: (...args: A) => Promise<void>) =>
      (...args: A) =>
        ++changes === nth ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) : act(...args)
    return { ...disk, write: counted(disk.write), rename: counted(disk.rename), remove: counted(disk.remove) }
  }

  for (let change = 1; change <= 6; change++) {
    it(`at change ${change} of a registration is told by the file’s name, and the same token registers once there is space`, async () => {
      const token = { DCR_IAT: await at.modern.behind.iat() }
      const refused = { code: 'FILE_FAILED', message: /bff.*ENOSPC/ }
      await assert.rejects(start(at.setting, token, { files: failingAt(change) }), refused)
      await start(at.setting, token)
      assert.equal(at.modern.behind.requests.filter(({ method }) => method === 'POST').length, 1)
      assert.equal((await start(at.setting)).outcome, 'unchanged')
    })
  }

  for (let change = 1; change <= 4; change++) {
    it(`at change ${change} of a rotation leaves a client that works, and the next start finishes it`, async () => {
      const first = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
      const env = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }
      await assert.rejects(start(at.setting, env, { files: failingAt(change) }), { code: 'FILE_FAILED' })
      const next = await start(at.setting, env)
      assert.notEqual(next.kid, first.kid)
      const { jwks } = await at.modern.behind.client(first.clientId)
      assert.deepEqual(
        jwks.keys.map(({ kid }: { kid: string }) => kid),
        [first.kid, next.kid],
      )
    })
  }

  it('that is really full keeps the old key whole', async () => {
    const rsa = { DCR_KEY_ALG: 'RS256' }
    await start(at.setting, { ...rsa, DCR_IAT: await at.modern.behind.iat() })
    const before = [await pem(at.setting), await stored(at.setting)]
    // A process of its own, because the identity provider of this one has to go on answering: no file may be longer than 512 or 1024 bytes.
    const env = { ...rsa, BFF_JWK_ROTATE_AFTER_DAYS: '0', NODE_DISABLE_COMPILE_CACHE: '1' }
    const { stderr } = await spawned(at.setting, env, 'ulimit -f 1')
    assert.match(stderr, /FILE_FAILED/)
    assert.match(stderr, /EFBIG/)
    assert.deepEqual([await pem(at.setting), await stored(at.setting)], before)
    assert.ok(!(await readdir(at.setting.folder)).some((name) => name.endsWith('.tmp') || name.endsWith('.next')))
  })
})

describe('a file that is replaced', () => {
  let place: Awaited<ReturnType<typeof folder>>
  beforeEach(async () => {
    place = await folder()
  })
  afterEach(() => place.remove())

  it('is readable by its owner only, whatever it was before', async () => {
    const path = join(place.path, 'key.pem')
    await writeFile(path, 'old')
    await chmod(path, 0o644)
    await disk.write(path, 'new')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal(await readFile(path, 'utf8'), 'new')
    assert.deepEqual(await readdir(place.path), ['key.pem'])
  })

  it('is not written through a link that somebody put in the way', async () => {
    const path = join(place.path, 'key.pem')
    await writeFile(join(place.path, 'victim'), 'untouched')
    await symlink(join(place.path, 'victim'), `${path}.tmp`)
    await disk.write(path, 'secret')
    assert.equal(await readFile(join(place.path, 'victim'), 'utf8'), 'untouched')
  })
})
