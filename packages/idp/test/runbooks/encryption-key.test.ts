/** The runbook by which operators rotate the key that columns are encrypted by: it lies in Vault, where AgentIdP has it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { operate, startVault, type VaultServer } from '@rekey/secrets/testing'
import { activeId, columnsOf, keyringOf, newKey, untilAllIsMoved, versionsStored } from '../columns/setting.ts'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

const path = 'agentidp/encryption'

describe('the runbook for the encryption key', { timeout: 120_000 }, () => {
  let vault: VaultServer
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  const agents: string[] = []
  before(async () => {
    vault = await startVault()
    await write(newKey())
    estate = await startEstate({
      REKEY_ISSUER: 'http://idp.example',
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: vault.token,
      ENCRYPTION_KEY_VAULT_PATH: `secret/data/${path}`,
    })
    idp = await estate.instance()
    other = await estate.instance()
    for (const owner of ['Ada', 'Grace']) {
      agents.push((await idp.manage('POST', '/api/v1/agents', { name: owner, owner })).body.agentId)
    }
  })
  after(async () => {
    await estate.stop()
    await vault.close()
  })

  /** As `vault kv put` does it. */
  async function write(encryptionKey: string): Promise<void> {
    const body = { data: { encryptionKey } }
    const target = { address: vault.url, token: vault.token }
    assert.equal((await operate(target, 'POST', `secret/data/${path}`, body)).status, 200)
  }

  const owners = async (instance: TestInstance) =>
    Promise.all(agents.map(async (id) => (await instance.manage('GET', `/api/v1/agents/${id}`)).body.owner))
  /** The next key seals at both instances. */
  const sealsAnew = (before: string) =>
    Promise.all(
      [idp, other].map((instance) =>
        eventually(
          () => columnsOf(instance),
          ({ sealing }) => sealing !== null && sealing !== before,
        ),
      ),
    )

  test('the key is the one that lies in Vault at ENCRYPTION_KEY_VAULT_PATH', async () => {
    const { source, sealing } = await columnsOf(idp)
    assert.equal(source.variable, 'ENCRYPTION_KEY_VAULT_PATH')
    assert.deepEqual(await versionsStored(estate), { [sealing]: agents.length })
    const { versions } = await keyringOf(idp)
    assert.deepEqual(
      versions.map(({ id, state }: { id: string; state: string }) => [id, state]),
      [[sealing, 'active']],
    )
  })

  test('a new key that is written to Vault is taken by every instance, none of which is restarted', async () => {
    const before = await activeId(idp)
    await idp.manage('POST', '/api/v1/columns/pause')
    await write(newKey())
    await sealsAnew(before)
    assert.deepEqual(await owners(other), ['Ada', 'Grace'])
    assert.deepEqual(await versionsStored(estate), { [before]: agents.length }, 'what is there stays as it is for now')
  })

  test('existing rows are encrypted anew when they are next written', async () => {
    const sealing = await activeId(idp)
    const [ada] = agents
    assert.equal((await idp.manage('PATCH', `/api/v1/agents/${ada}`, { owner: 'Ada King' })).status, 200)
    const stored = await versionsStored(estate)
    assert.equal(stored[sealing], 1)
    assert.equal(Object.keys(stored).length, 2)
  })

  test('and the others by the sweep, which counts what is left', async () => {
    const { left } = await columnsOf(idp)
    assert.equal(left, agents.length - 1)
    assert.equal((await idp.manage('POST', '/api/v1/columns/reencrypt')).status, 202)
    await untilAllIsMoved(idp)
    assert.deepEqual(await versionsStored(estate), { [await activeId(idp)]: agents.length })
    assert.deepEqual(await owners(other), ['Ada King', 'Grace'])
  })

  test('schedule: the encryption key is due after 365 days, and rotated on demand by a request', async () => {
    const { policy } = await keyringOf(idp)
    assert.equal(policy.rotateEvery, '365d')
    const before = await activeId(idp)
    const writes = () => vault.requests.filter((line) => /^(POST|PUT) .*\/data\//.test(line))
    const { length } = writes()
    assert.equal((await idp.manage('POST', '/api/v1/keyrings/columns/rotate', { reason: 'on demand' })).status, 202)
    await sealsAnew(before)
    await untilAllIsMoved(idp)
    assert.deepEqual(writes().slice(length), ['POST /v1/secret/data/agentidp/encryption'], 'the key is in Vault')
    assert.deepEqual(await owners(other), ['Ada King', 'Grace'])
  })
})
