import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { disk } from '../../src/files/disk.ts'
import type { Jwk } from '../../src/index.ts'
import { atModern } from '../at-modern.ts'
import { start, stored } from '../client.ts'
import { servingKeys } from '../service.ts'

describe('a key that an administrator took out of a registration by address', () => {
  const at = atModern()
  const service = servingKeys(() => at.setting.folder)

  const metadataOf = async () => at.modern.behind.client((await stored(at.setting)).client_id)
  const kidsOf = (keys: readonly Jwk[]) => keys.map(({ kid }) => kid)
  const started = (more: Record<string, string> = {}) => start(at.setting, { ...service.env, ...more })
  const rotateNow = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }
  const registered = async () => started({ DCR_IAT: await at.modern.behind.iat() })

  /** What an administrator does: the registration has these keys inline, and no address. */
  async function replaced(keys: readonly Jwk[]) {
    const { client_id, registration_access_token: token } = await stored(at.setting)
    const response = await fetch(`${at.setting.idp}/reg/${client_id}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ jwks: { keys }, jwks_uri: null }),
    })
    assert.equal(response.status, 200)
  }

  it('leaves the file before the registration is pointed at the address again', async () => {
    const first = await registered()
    const second = await started(rotateNow)
    const [, good] = await service.written()
    await replaced([good as Jwk])
    assert.equal((await started()).kid, second.kid)
    assert.deepEqual(kidsOf(await service.written()), [second.kid])
    assert.equal((await metadataOf()).jwks_uri, service.env.DCR_JWKS_URI)
    assert.notEqual(first.kid, second.kid)
  })

  it('does not come back where it was the one that signed: another is made, and then the address has that', async () => {
    const first = await registered()
    const second = await started(rotateNow)
    await replaced((await service.written()).slice(0, 1))
    const third = await started()
    assert.equal(third.outcome, 'rotated')
    await started()
    assert.equal((await metadataOf()).jwks_uri, service.env.DCR_JWKS_URI)
    assert.deepEqual(kidsOf(await service.written()), [first.kid, third.kid])
    assert.notEqual(third.kid, second.kid)
  })

  it('keeps the registration inline for as long as the service serves it out of its memory', async () => {
    const first = await registered()
    const second = await started(rotateNow)
    service.cached = await readFile(service.file(), 'utf8')
    await replaced((await service.written()).slice(1))
    const { lines } = await started()
    assert.match(lines.join('\n'), new RegExp(`serves what is not in the registration \\(${first.kid}\\)`))
    const { jwks, jwks_uri } = await metadataOf()
    assert.equal(jwks_uri, undefined)
    assert.deepEqual(kidsOf(jwks.keys), [second.kid])
    service.cached = undefined
    await started()
    assert.equal((await metadataOf()).jwks_uri, service.env.DCR_JWKS_URI)
  })

  it('does not come back by a file that an inline client wrote, when that moves to the address', async () => {
    const inline = { BFF_JWKS_FILE: service.file() }
    await start(at.setting, { ...inline, DCR_IAT: await at.modern.behind.iat() })
    const second = await start(at.setting, { ...inline, ...rotateNow })
    await replaced((await service.written()).slice(1))
    await started()
    assert.equal((await metadataOf()).jwks_uri, service.env.DCR_JWKS_URI)
    assert.deepEqual(kidsOf(await service.written()), [second.kid])
  })

  it('is not what waits beside the PEM: that stays in the file, and is taken', async () => {
    const first = await registered()
    service.isUp = false
    await started(rotateNow)
    service.isUp = true
    const keys = await service.written()
    await replaced(keys.slice(0, 1))
    await started()
    const taken = await started()
    assert.notEqual(taken.kid, first.kid)
    assert.deepEqual(kidsOf(await service.written()), kidsOf(keys))
    assert.equal((await metadataOf()).jwks_uri, service.env.DCR_JWKS_URI)
  })
})

describe('a key of a sibling that the service does not serve yet', () => {
  const at = atModern()
  const service = servingKeys(() => at.setting.folder)

  it('keeps the registration inline until the file has it too: the sibling goes on by it', async () => {
    const inline = { BFF_JWKS_FILE: service.file() }
    const { clientId, kid } = await start(at.setting, { ...inline, DCR_IAT: await at.modern.behind.iat() })
    // The sibling was killed after its key was registered, before it wrote the file.
    const sibling = await start(at.setting, {
      DCR_SIGNING_KEY: join(at.setting.folder, 'sibling.pem'),
      BFF_JWKS_FILE: join(at.setting.folder, 'not-written.json'),
    })
    const { lines } = await start(at.setting, service.env)
    assert.match(lines.join('\n'), new RegExp(`lacks what is in the registration \\(${sibling.kid}\\)`))
    assert.equal((await at.modern.behind.client(clientId)).jwks_uri, undefined)
    await start(at.setting, service.env)
    assert.equal((await at.modern.behind.client(clientId)).jwks_uri, service.env.DCR_JWKS_URI)
    assert.deepEqual(
      (await service.written()).map((key) => key.kid),
      [kid, sibling.kid],
    )
  })
})

describe('a registration by address that a crash cut short', () => {
  const at = atModern()
  const service = servingKeys(() => at.setting.folder)

  for (const isUp of [true, false]) {
    it(`is reported as a registration by the start that ends it, whether the service is up (${isUp})`, async () => {
      const env = { ...service.env, DCR_IAT: await at.modern.behind.iat() }
      let isStored = false
      const dying = {
        ...disk,
        write: async (path: string, text: string, mode?: number) => {
          await disk.write(path, text, mode)
          isStored ||= path.endsWith('bff_client.json')
        },
        rename: async (from: string, to: string) => {
          if (isStored) throw new Error('the process is killed')
          await disk.rename(from, to)
        },
      }
      await assert.rejects(start(at.setting, env, { files: dying }))
      service.isUp = isUp
      const { outcome, reasons, kid, rotated, lines } = await start(at.setting, service.env)
      assert.deepEqual([outcome, reasons, kid, rotated], ['registered', ['registered'], 'bff-sig-001', true])
      assert.doesNotMatch(lines.join('\n'), /rotated successfully/)
      assert.equal((await start(at.setting, service.env)).outcome, 'unchanged')
    })
  }
})
