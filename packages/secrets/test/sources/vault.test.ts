import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { secretSource } from '../../src/sources/open.ts'
import type { SecretSource } from '../../src/sources/source.ts'
import { startVault, type VaultServer } from '../vault/server.ts'
import { operate, type Target, targets } from '../vault/servers.ts'

for (const kind of targets) {
  describe(`secrets at a path of ${kind.name}`, { timeout: 30_000 }, () => {
    let target: Target
    let path: string
    let source: SecretSource
    const opened: SecretSource[] = []
    before(async () => {
      target = await kind.start()
    })
    after(() => target.close())
    beforeEach(() => {
      path = `agentidp/${randomUUID()}`
      source = open(`vault:${path}`)
    })
    afterEach(() => {
      for (const one of opened.splice(0)) one.close()
    })

    function open(name: string): SecretSource {
      const one = secretSource(name, { VAULT_ADDR: target.address, VAULT_TOKEN: target.token })
      opened.push(one)
      return one
    }

    const operator = (method: string, kind: string, body?: object) =>
      operate(target, method, `secret/${kind}/${path}`, body)
    const put = async (...all: object[]) => {
      for (const data of all) await operator('POST', 'data', { data })
    }
    const keys = (...all: string[]) => put(...all.map((encryptionKey) => ({ encryptionKey })))

    test('are its versions, the newest first, without those that were deleted or destroyed', async () => {
      await keys('one', 'two', 'three', 'four', 'five')
      await operator('POST', 'destroy', { versions: [1] })
      await operator('POST', 'delete', { versions: [3] })
      assert.deepEqual(await source.values(), ['five', 'four', 'two'])
      await operator('POST', 'undelete', { versions: [3] })
      assert.deepEqual(await source.values(), ['five', 'four', 'three', 'two'])
    })

    test('are found by the path as the API writes it, as the command line does, and without the mount', async () => {
      await put({ encryptionKey: 'one', other: 'thing' })
      for (const name of [`secret/data/${path}`, `secret/${path}`, path, `/${path}/`, `${path}#encryptionKey`]) {
        assert.deepEqual(await open(`vault:${name}`).values(), ['one'])
      }
      assert.deepEqual(await open(`vault:secret/${path}#other`).values(), ['thing'])
      assert.equal(open(`vault:secret/data/${path}`).description, `vault:${path}#encryptionKey`)
    })

    test('are missing where nothing is, or nothing is left', async () => {
      await assert.rejects(source.values(), { code: 'SOURCE_MISSING', message: /there is nothing in vault:/ })
      await keys('one')
      await operator('POST', 'delete', { versions: [1] })
      await assert.rejects(source.values(), { code: 'SOURCE_MISSING' })
    })

    test('are refused when the newest version has none in that field; older versions may be of another time', async () => {
      await put({ other: 'thing' }, { encryptionKey: 'one' })
      assert.deepEqual(await source.values(), ['one'])
      for (const data of [{ other: 'x' }, { encryptionKey: 7 }, { encryptionKey: ' ' }, { encryptionKey: 'a b' }]) {
        await put(data)
        await assert.rejects(source.values(), { code: 'SOURCE_INVALID', message: /newest version/ })
      }
    })

    test('that were put back by a rollback count where they are newest', async () => {
      await keys('one', 'two', 'one')
      assert.deepEqual(await source.values(), ['one', 'two'])
    })

    test('get a new one in front, as a version that keeps the other fields', async () => {
      await source.add('one')
      await put({ encryptionKey: 'two', comment: 'by hand' })
      await source.add('three')
      assert.deepEqual(await source.values(), ['three', 'two', 'one'])
      const { data } = (await operator('GET', 'data')).body.data
      assert.deepEqual(data, { encryptionKey: 'three', comment: 'by hand' })
      assert.equal(await source.isWritable(), true)
    })

    test('are added once, however often that is asked', async () => {
      for (const _ of ['once', 'and again']) await source.add('one')
      await source.add('two')
      await assert.rejects(source.add('one'), { code: 'SOURCE_INVALID', message: /behind a newer one/ })
      await assert.rejects(source.add('two words'), { code: 'SOURCE_INVALID' })
      assert.deepEqual(await source.values(), ['two', 'one'])
    })

    test('outlive more versions than a path keeps by itself', async () => {
      const all = Array.from({ length: 12 }, (_, n) => `key-${n}`)
      for (const value of all) await source.add(value)
      assert.deepEqual(await source.values(), all.toReversed())
    })

    test('are destroyed for good when they are removed, wherever they stand, and never the last one', async () => {
      await keys('AB', 'two', 'AB', 'three')
      await source.remove('ab')
      await source.remove('nobody')
      assert.deepEqual(await source.values(), ['three', 'two'])
      const { versions } = (await operator('GET', 'metadata')).body.data
      assert.deepEqual(
        Object.keys(versions).filter((version) => versions[version].destroyed),
        ['1', '3'],
      )
      await source.remove('two')
      await assert.rejects(source.remove('three'), { code: 'SOURCE_INVALID', message: /no value would be left/ })
      assert.deepEqual(await source.values(), ['three'])
    })

    test('that were known and deleted meanwhile do not come back after they are removed', async () => {
      await keys('one', 'two')
      await source.values()
      await operator('POST', 'delete', { versions: [1] })
      await source.remove('one')
      await operator('POST', 'undelete', { versions: [1] })
      assert.deepEqual(await source.values(), ['two'])
    })

    test('are not mistaken for others after everything was deleted and written anew', async () => {
      await keys('one')
      assert.deepEqual(await source.values(), ['one'])
      await operator('DELETE', 'metadata')
      await assert.rejects(source.values(), { code: 'SOURCE_MISSING' })
      await keys('other')
      assert.deepEqual(await source.values(), ['other'])
    })
  })
}

describe('secrets in a Vault that does not do as it should', { timeout: 30_000 }, () => {
  let server: VaultServer
  let source: SecretSource
  beforeEach(async () => {
    server = await startVault()
    source = secretSource('vault:keys', { VAULT_ADDR: server.url, VAULT_TOKEN: server.token })
    await source.add('one')
  })
  afterEach(async () => {
    source.close()
    await server.close()
  })

  test('are not there while it is sealed, and there again after that', async () => {
    server.sealed(true)
    for (const act of [() => source.values(), () => source.add('two'), () => source.remove('one')]) {
      await assert.rejects(act(), { name: 'SecretsError', code: 'VAULT_UNAVAILABLE', message: /sealed/ })
    }
    server.sealed(false)
    assert.deepEqual(await source.values(), ['one'])
  })

  test('are refused to a token that is over', async () => {
    server.expire(server.token)
    await assert.rejects(source.values(), { code: 'VAULT_REFUSED' })
  })

  test('are read once: what a version holds does not change', async () => {
    await source.add('two')
    await source.values()
    const before = server.requests.length
    for (const _ of [1, 2, 3]) assert.deepEqual(await source.values(), ['two', 'one'])
    assert.deepEqual(
      server.requests.slice(before).filter((request) => request.includes('/data/')),
      [],
    )
  })

  test('that were deleted after they were listed are left out, and there again when they are brought back', async () => {
    await source.add('two')
    const target = { address: server.url, token: server.token }
    const late = secretSource('vault:keys', { VAULT_ADDR: server.url, VAULT_TOKEN: server.token })
    const { body } = await operate(target, 'GET', 'secret/metadata/keys')
    await operate(target, 'POST', 'secret/delete/keys', { versions: [2] })
    const before = JSON.stringify(body)
    server.instead((request) => (request.endsWith('/metadata/keys') ? { status: 200, body: before } : undefined))
    assert.deepEqual(await late.values(), ['one'])
    server.instead(undefined)
    await operate(target, 'POST', 'secret/undelete/keys', { versions: [2] })
    assert.deepEqual(await late.values(), ['two', 'one'])
    late.close()
  })

  test('are not half a list because a standby is behind', async () => {
    await source.add('two')
    const late = secretSource('vault:keys', { VAULT_ADDR: server.url, VAULT_TOKEN: server.token })
    server.instead((request) =>
      request.endsWith('/data/keys?version=2') ? { status: 404, body: '{"errors":[]}' } : undefined,
    )
    await assert.rejects(late.values(), { code: 'SOURCE_UNAVAILABLE', message: /cannot be read yet/ })
    server.instead(undefined)
    assert.deepEqual(await late.values(), ['two', 'one'])
    late.close()
  })

  test('of two who add at once one wins, and the other learns it', async () => {
    const other = secretSource('vault:keys', { VAULT_ADDR: server.url, VAULT_TOKEN: server.token })
    const refusal = JSON.stringify({ errors: ['check-and-set parameter did not match the current version'] })
    server.instead((request) => {
      if (!request.startsWith('POST /v1/secret/data/')) return undefined
      return { status: 400, body: refusal }
    })
    await assert.rejects(source.add('two'), { code: 'SOURCE_UNAVAILABLE', message: /somebody else/ })
    server.instead(undefined)
    const settled = await Promise.allSettled([source.add('a'), other.add('b')])
    const added = settled.filter(({ status }) => status === 'fulfilled').length
    assert.equal((await source.values()).length, 1 + added)
    assert.ok(added >= 1)
    other.close()
  })

  test('are added although the reply to that was lost and the request was repeated', async () => {
    server.loseReply((request) => request.startsWith('POST /v1/secret/data/'))
    await source.add('two')
    assert.deepEqual(await source.values(), ['two', 'one'])
    assert.equal(server.versions('keys').size, 2)
  })
})
