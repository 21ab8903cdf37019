import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { newPath, settingsFor, startVault, type VaultServer } from '@rekey/secrets/testing'
import { makeCertificate } from '@rekey/verifier/testing'
import { vaultSettingsOf } from '../../src/config/vault.ts'
import { openSecretVault, type SecretVault } from '../../src/vault/open.ts'

const secret = { clientSecret: 'sk_live_x' }

describe('what a Vault refuses', { timeout: 30_000 }, () => {
  let server: VaultServer
  let folder: string
  const opened: { close(): unknown }[] = []
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-idp-vault-'))
  })
  after(() => rm(folder, { recursive: true }))
  beforeEach(async () => {
    server = track(await startVault())
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close()
  })

  function track<One extends { close(): unknown }>(one: One): One {
    opened.push(one)
    return one
  }

  function open(settings: Partial<ReturnType<typeof settingsFor>> = {}): SecretVault {
    const known = settingsFor({ address: server.url, token: server.token })
    return track(openSecretVault({ ...known, ...settings }))
  }

  const refusedAs = (code: string) => ({ name: 'IdpError', code })

  test('is a refusal of this service, by the same code', async () => {
    const vault = open()
    const acts = [
      () => vault.write(newPath(), secret),
      () => vault.read(newPath(), 1),
      () => vault.keepOnly(newPath(), [1]),
      () => vault.keepOnly(newPath(), []),
      () => vault.discard(newPath(), 1),
    ]
    server.sealed(true)
    for (const act of acts) await assert.rejects(act(), refusedAs('VAULT_UNAVAILABLE'))
    server.sealed(false)
    server.instead(() => ({ status: 403 }))
    for (const act of acts) await assert.rejects(act(), refusedAs('VAULT_REFUSED'))
  })

  test('of settings is a refusal of the configuration', () => {
    const given = { VAULT_ADDR: 'http://vault.example', VAULT_MOUNT: 'secret', REKEY_ALLOW_PLAINTEXT: false }
    assert.throws(() => vaultSettingsOf(given), { ...refusedAs('CONFIG_INVALID'), message: /VAULT_TOKEN/ })
    assert.throws(() => vaultSettingsOf({ ...given, VAULT_TOKEN: 'x' }), {
      ...refusedAs('CONFIG_INVALID'),
      message: /plaintext/,
    })
    assert.equal(vaultSettingsOf({ ...given, VAULT_ADDR: undefined }), undefined)
  })

  test('a certificate is accepted from the authorities that are named, and from no others', async () => {
    const { key, cert } = makeCertificate()
    const tls = track(await startVault({ tls: { key, cert } }))
    const caFile = join(folder, 'ca.pem')
    await writeFile(caFile, cert)
    const settings = { address: tls.url, token: tls.token }
    await assert.rejects(open(settings).read(newPath(), 1), {
      ...refusedAs('VAULT_UNAVAILABLE'),
      message: /SELF_SIGNED/,
    })
    assert.equal(tls.requests.length, 0)
    assert.deepEqual(await open({ ...settings, caFile }).write(newPath(), secret), { version: 1 })
    const missing = () => open({ ...settings, caFile: join(folder, 'none.pem') })
    assert.throws(missing, { ...refusedAs('CONFIG_INVALID'), message: /VAULT_CACERT.*ENOENT/ })
  })
})
