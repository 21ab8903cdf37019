import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { atModern } from '../at-modern.ts'
import { folder, type Setting, start } from '../client.ts'
import { spawned } from '../spawned.ts'

describe('replicas', () => {
  const at = atModern()

  async function run(more: Record<string, string>) {
    const { result, stderr } = await spawned(at.setting, more)
    assert.ok(result, stderr)
    return result
  }

  const ten = (more: Record<string, string>) => Promise.all(Array.from({ length: 10 }, () => run(more)))
  const keysOf = async (clientId: string) =>
    (await at.modern.behind.client(clientId)).jwks.keys.map(({ kid }: { kid: string }) => kid)

  it('of one folder that start together make one registration', async () => {
    const results = await ten({ DCR_IAT: await at.modern.behind.iat() })
    assert.deepEqual([...new Set(results.map(({ clientId }) => clientId))].length, 1)
    assert.equal(results.filter(({ outcome }) => outcome === 'registered').length, 1)
    assert.equal(at.modern.log.filter((line) => line === 'POST 201').length, 1)
  })

  it('of one folder that start together with BFF_JWK_ROTATE_AFTER_DAYS=0 make one key', async () => {
    const { clientId, kid } = await run({ DCR_IAT: await at.modern.behind.iat() })
    const results = await ten({ BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.equal(results.filter(({ outcome }) => outcome === 'rotated').length, 1)
    const [rotated, ...others] = new Set(results.map((result) => result.kid))
    assert.deepEqual(others, [])
    const { lines } = await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.match(lines.join(), /less than ten minutes ago.*delete the PEM/)
    assert.deepEqual(await keysOf(clientId), [kid, rotated])
  })

  it('with folders of their own are refused rather than that one’s key is evicted', async () => {
    const first = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    const folders = await Promise.all([folder(), folder(), folder()])
    for (const { path } of folders) await copyFile(first.credentials, join(path, 'bff_client.json'))
    const [second, third, fourth] = folders.map(({ path }) => ({ idp: at.modern.url, folder: path }))
    const kids = [first.kid]
    for (const sibling of [second, third]) kids.push((await start(sibling as Setting)).kid)
    assert.deepEqual(await keysOf(first.clientId), kids)
    for (let again = 0; again < 2; again++) {
      await assert.rejects(start(fourth as Setting), { code: 'TOO_MANY_KEYS' })
    }
    assert.deepEqual(await keysOf(first.clientId), kids)
    assert.equal((await start(fourth as Setting, { BFF_JWK_MAX_KEYS: '4' })).outcome, 'rotated')
    await Promise.all(folders.map((one) => one.remove()))
  })

  it('that change the registration at the same moment lose no key: the second looks again', async () => {
    const first = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    const other = await folder()
    await copyFile(first.credentials, join(other.path, 'bff_client.json'))
    const kids = [first.kid]
    at.modern.meanwhile = async () => {
      at.modern.meanwhile = undefined
      kids.push((await start({ idp: at.modern.url, folder: other.path })).kid)
    }
    at.modern.log.length = 0
    kids.push((await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })).kid)
    assert.deepEqual(at.modern.log, ['GET 200', 'GET 200', 'PATCH 200', 'PATCH 412', 'GET 200', 'PATCH 200'])
    assert.deepEqual(await keysOf(first.clientId), kids)
    await other.remove()
  })
})
