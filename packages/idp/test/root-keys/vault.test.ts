import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { operate, startVault, type VaultServer } from '@rekey/secrets/testing'
import { agent, eventually } from '../estate.ts'
import { rootKeys, sealingAfter, startKeyedEstate } from './setting.ts'

const source = 'vault:secret/data/rekey/root'

describe('a root key in Vault', { timeout: 120_000 }, () => {
  let setting: Awaited<ReturnType<typeof startKeyedEstate>>
  let vault: VaultServer
  beforeEach(async () => {
    setting = await startKeyedEstate()
    vault = await startVault()
    await put('07'.repeat(32))
  })
  afterEach(async () => {
    await setting.stop()
    await vault.close()
  })

  const operator = (path: string, body: object) =>
    operate({ address: vault.url, token: vault.token }, 'POST', `secret/${path}/rekey/root`, body)
  const put = (encryptionKey: string) => operator('data', { data: { encryptionKey } })
  const start = () => setting.startFrom(source, { VAULT_ADDR: vault.url, VAULT_TOKEN: vault.token })

  test('that is new takes effect without a restart, and an old version that is destroyed is let go', async () => {
    const idp = await start()
    const [first] = await rootKeys(idp)
    await put('08'.repeat(32))
    const newest = await sealingAfter(idp, first?.id ?? '')
    assert.deepEqual(
      (await rootKeys(idp)).map(({ id }) => id),
      [newest, first?.id],
    )
    await operator('destroy', { versions: [1] })
    const told = () => idp.lines.filter((line) => line.includes('still needed'))
    await eventually(
      async () => told().length,
      (count) => count > 0,
    )
    assert.equal((await rootKeys(idp)).length, 2, 'keys are still sealed by it')
    assert.equal((await idp.token(agent)).status, 200)
    for (const key of ['07', '08']) assert.equal(idp.lines.join('').includes(key.repeat(32)), false)
  })

  test('is held on to while Vault is away, which is told once; nobody starts meanwhile', async () => {
    const idp = await start()
    const before = await rootKeys(idp)
    vault.sealed(true)
    const told = () => idp.lines.filter((line) => line.includes('ROOT_KEY_UNAVAILABLE'))
    await eventually(
      async () => told().length,
      (count) => count > 0,
    )
    await assert.rejects(start(), { code: 'ROOT_KEY_UNAVAILABLE', message: /Vault is sealed/ })
    assert.deepEqual(
      (await rootKeys(idp)).map(({ id, sealing }) => [id, sealing]),
      before.map(({ id, sealing }) => [id, sealing]),
    )
    const prepared = await idp.manage('POST', '/api/v1/keyrings/signing-es256/prepare')
    assert.equal(prepared.status, 202, 'it seals by what it holds')
    assert.equal((await idp.token(agent)).status, 200)
    vault.sealed(false)
    await put('08'.repeat(32))
    await sealingAfter(idp, before[0]?.id ?? '')
    assert.equal(told().length, 1)
  })
})
