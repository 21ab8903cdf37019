/** What `credentials/` relies on, with the test server and with a real one. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { newPath, operate, settingsFor, type Target, targets } from '@rekey/secrets/testing'
import { openSecretVault, type SecretVault } from '../../src/vault/open.ts'
import { credentialPath } from '../../src/vault/path.ts'

for (const kind of targets) {
  describe(`secrets in ${kind.name}`, { timeout: 30_000 }, () => {
    let target: Target
    let vault: SecretVault
    before(async () => {
      target = await kind.start()
      vault = openSecretVault(settingsFor(target))
    })
    after(async () => {
      vault.close()
      await target.close()
    })

    const operator = (method: string, path: string, body?: object) => operate(target, method, path, body)
    const write = (path: string, clientSecret: string) => vault.write(path, { clientSecret })
    const destroyed = async (path: string) => {
      const { versions } = (await operator('GET', `secret/metadata/${path}`)).body.data
      return Object.keys(versions).filter((version) => versions[version].destroyed)
    }

    test('are written as versions of one path, each read by its number', async () => {
      const path = newPath()
      assert.deepEqual(await write(path, 'one'), { version: 1 })
      assert.deepEqual(await write(path, 'two'), { version: 2 })
      assert.deepEqual(await vault.read(path, 1), { clientSecret: 'one' })
      assert.deepEqual(await vault.read(path, 2), { clientSecret: 'two' })
    })

    test('ids become a path that Vault takes for nothing else', async () => {
      const path = credentialPath('..', 'a/../b.')
      assert.equal(path, 'agentidp/agents/~2e~2e/credentials/a~2f~2e~2e~2fb~2e')
      const { version } = await write(path, 'odd')
      assert.deepEqual(await vault.read(path, version), { clientSecret: 'odd' })
      await vault.keepOnly(path, [])
      assert.equal(credentialPath('a1-b_2', 'c'), 'agentidp/agents/a1-b_2/credentials/c')
      assert.notEqual(credentialPath('~2e', 'c'), credentialPath('.', 'c'))
    })

    test('of many writers at once none is lost', async () => {
      const path = newPath()
      const values = ['a', 'b', 'c', 'd', 'e']
      const written = await Promise.all(values.map((value) => write(path, value)))
      assert.deepEqual(written.map(({ version }) => version).sort(), [1, 2, 3, 4, 5])
      const read = await Promise.all(written.map(({ version }) => vault.read(path, version)))
      assert.deepEqual(
        read,
        values.map((clientSecret) => ({ clientSecret })),
      )
    })

    test('a version that was never committed is stepped over, and destroyed after the next rotation', async () => {
      const path = newPath()
      await write(path, 'committed')
      await operator('POST', `secret/data/${path}`, { options: { cas: 1 }, data: { clientSecret: 'lost in a crash' } })
      assert.deepEqual(await write(path, 'next'), { version: 3 })
      await vault.keepOnly(path, [3])
      assert.deepEqual(await destroyed(path), ['1', '2'])
      assert.deepEqual(await vault.read(path, 3), { clientSecret: 'next' })
    })

    test('what is newer than what is kept stays: it may be about to be committed', async () => {
      const path = newPath()
      for (const value of ['one', 'two', 'three', 'four']) await write(path, value)
      await vault.keepOnly(path, [1, 3])
      assert.deepEqual(await destroyed(path), ['2'])
      assert.deepEqual(await vault.read(path, 4), { clientSecret: 'four' })
      await vault.keepOnly(path, [1, 3])
      await vault.keepOnly(newPath(), [1])
    })

    test('a version that will not be committed is discarded', async () => {
      const path = newPath()
      await write(path, 'good')
      const { version } = await write(path, 'superfluous')
      await vault.discard(path, version)
      assert.equal(await vault.read(path, version), 'destroyed')
      assert.deepEqual(await vault.read(path, 1), { clientSecret: 'good' })
    })

    test('of a credential that is over nothing is left, not even that it was there', async () => {
      const path = newPath()
      await write(path, 'over')
      for (const _ of ['once', 'and again']) await vault.keepOnly(path, [])
      assert.equal((await operator('GET', `secret/metadata/${path}`)).status, 404)
      assert.equal(await vault.read(path, 1), 'missing')
    })

    test('what an operator destroyed or deleted is told from what is missing: was never written, or is no secret of ours', async () => {
      const path = newPath()
      for (const value of ['one', 'two', 'three']) await write(path, value)
      await operator('POST', `secret/destroy/${path}`, { versions: [1] })
      await operator('POST', `secret/delete/${path}`, { versions: [2] })
      await operator('POST', `secret/data/${path}`, { options: { cas: 3 }, data: { other: 'thing' } })
      const read = await Promise.all([1, 2, 3, 4, 5].map((version) => vault.read(path, version)))
      assert.deepEqual(read, ['destroyed', 'destroyed', { clientSecret: 'three' }, 'missing', 'missing'])
    })

    test('one that was only deleted is destroyed as well when it is over', async () => {
      const path = newPath()
      for (const value of ['one', 'two']) await write(path, value)
      await operator('POST', `secret/delete/${path}`, { versions: [1] })
      await vault.keepOnly(path, [2])
      await operator('POST', `secret/undelete/${path}`, { versions: [1] })
      assert.equal(await vault.read(path, 1), 'destroyed')
    })

    test('outlive many rotations, however few versions the path was set to keep', async () => {
      const path = newPath()
      await operator('POST', `secret/metadata/${path}`, { max_versions: 1, cas_required: true })
      for (let n = 1; n <= 12; n++) await write(path, `secret ${n}`)
      assert.deepEqual(await vault.read(path, 1), { clientSecret: 'secret 1' })
    })

    test('outlive any number of versions that came to nothing', async () => {
      const path = newPath()
      await write(path, 'accepted')
      for (let n = 0; n < 160; n++) {
        const { version } = await write(path, 'superfluous')
        await vault.discard(path, version)
      }
      assert.deepEqual(await vault.read(path, 1), { clientSecret: 'accepted' })
    })
  })
}
