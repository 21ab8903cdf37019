import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { openVault, type Vault } from '../../src/vault/open.ts'
import { eventually } from '../eventually.ts'
import { startVault, type VaultServer } from './server.ts'
import { newPath, operate, settingsFor, type Target, targets } from './servers.ts'

const fields = { clientSecret: 'sk_live_x' }
const refused = { name: 'SecretsError', code: 'VAULT_REFUSED' }
const unavailable = { name: 'SecretsError', code: 'VAULT_UNAVAILABLE' }

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rekey-vault-token-'))
})
after(() => rm(folder, { recursive: true }))

async function newToken(target: Pick<Target, 'address' | 'token'>, ttl: string, renewable = true): Promise<string> {
  return (await operate(target, 'POST', 'auth/token/create', { ttl, renewable })).body.auth.client_token
}

for (const kind of targets) {
  describe(`the token for ${kind.name}`, { timeout: 30_000 }, () => {
    let target: Target
    let vault: Vault
    before(async () => {
      target = await kind.start()
    })
    after(() => target.close())
    afterEach(() => vault.close())

    test('is read from its file again when it is refused', async () => {
      const tokenFile = join(folder, 'token')
      const first = await newToken(target, '60s')
      await writeFile(tokenFile, `${first}\n`)
      vault = openVault({ ...settingsFor({ address: target.address, token: '' }), token: undefined, tokenFile })
      const path = newPath()
      await vault.write(path, fields)
      await operate({ address: target.address, token: first }, 'POST', 'auth/token/revoke-self', {})
      await assert.rejects(vault.read(path, 1), refused)
      await writeFile(tokenFile, await newToken(target, '60s'))
      assert.deepEqual(await vault.read(path, 1), { version: 1, fields })
      await vault.deleteAll(path)
    })

    test('is renewed before it runs out', async () => {
      const token = await newToken(target, '2s')
      vault = openVault(settingsFor({ address: target.address, token }))
      const bystander = await newToken(target, '2s')
      const path = newPath()
      await vault.write(path, fields)
      const unrenewed = { address: target.address, token: bystander }
      await eventually(
        () => operate(unrenewed, 'GET', 'auth/token/lookup-self'),
        ({ status }) => status === 403,
      )
      assert.deepEqual(await vault.read(path, 1), { version: 1, fields })
      await vault.deleteAll(path)
    })
  })
}

describe('a token that cannot be used', { timeout: 30_000 }, () => {
  let server: VaultServer
  let vault: Vault
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  beforeEach(async () => {
    server = await startVault()
    errors.length = 0
  })
  afterEach(async () => {
    vault.close()
    await server.close()
  })

  function open(more: { token?: string; tokenFile?: string }): Vault {
    const settings = settingsFor({ address: server.url, token: server.token })
    return openVault({ ...settings, token: more.token, tokenFile: more.tokenFile }, { onError, retryMs: 200 })
  }

  const reported = (message: RegExp) =>
    eventually(
      async () => String(errors[0]),
      (text) => message.test(text),
    )

  test('is refused after one request when there is no file to read it from', async () => {
    vault = open({ token: 'hvs.nobody' })
    await assert.rejects(vault.read(newPath(), 1), refused)
    await reported(/refuses the token/)
    assert.equal(server.requests.filter((request) => request.includes('/data/')).length, 1)
  })

  test('whose file is missing or empty is waited for', async () => {
    const tokenFile = join(folder, 'later')
    vault = open({ tokenFile })
    await assert.rejects(vault.write(newPath(), fields), { ...unavailable, message: /VAULT_TOKEN_FILE.*ENOENT/ })
    await writeFile(tokenFile, '\n')
    await assert.rejects(vault.write(newPath(), fields), { ...unavailable, message: /VAULT_TOKEN_FILE is empty/ })
    await writeFile(tokenFile, server.token)
    assert.deepEqual(await vault.write(newPath(), fields), { version: 1 })
  })

  test('and will end and cannot be renewed is reported while it still works', async () => {
    vault = open({ token: await newToken({ address: server.url, token: server.token }, '60s', false) })
    await reported(/cannot be renewed/)
    await vault.write(newPath(), fields)
  })

  test('because Vault is sealed is tried again, and renewed when it is open', async () => {
    const token = await newToken({ address: server.url, token: server.token }, '60s')
    server.sealed(true)
    vault = open({ token })
    await reported(/sealed/)
    server.sealed(false)
    await eventually(
      async () => server.renewals[0],
      (renewed) => renewed === token,
    )
  })
})
