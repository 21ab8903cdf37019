import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { backupOf } from '@rekey/database/testing'
import { agent, decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

describe('a backup that is older than a revocation', () => {
  let estate: Estate
  let folder: string
  const signing = 'signing-es256'
  before(async () => {
    estate = await startEstate()
    folder = await mkdtemp(join(tmpdir(), 'rekey-restored-'))
  })
  after(async () => {
    await estate.stop()
    await rm(folder, { recursive: true })
  })

  const backup = () => backupOf(estate.db, ['revision', 'changes', 'keyrings'])
  const kidsOf = async (idp: TestInstance) =>
    (await idp.call('/.well-known/jwks.json')).body.keys?.map(({ kid }: { kid: string }) => kid) ?? []
  const stateOf = async (idp: TestInstance, kid: string) => {
    const { body } = await idp.manage('GET', `/api/v1/keyrings/${signing}`)
    return body.versions?.find(({ id }: { id: string }) => id === kid)?.state
  }

  async function revokeActive(idp: TestInstance): Promise<string> {
    const { body } = await idp.token(agent)
    const { kid } = decodeUnverified(body.access_token).header
    const { status } = await idp.manage('POST', `/api/v1/keyrings/${signing}/revoke`, { id: kid, reason: 'leaked' })
    assert.equal(status, 200)
    return kid
  }

  it('does not bring the key back: an instance that goes on never accepts it, and it is revoked again', async () => {
    const idp = await estate.instance()
    const restore = await backup()
    const stolen = await revokeActive(idp)
    await restore()
    const seen = new Set<string>()
    await eventually(
      async () => {
        for (const kid of await kidsOf(idp)) seen.add(kid)
        return stateOf(idp, stolen)
      },
      (state) => state === 'revoked',
    )
    assert.equal(seen.has(stolen), false)
    const { body } = await eventually(
      () => idp.token(agent),
      ({ status }) => status === 200,
    )
    assert.notEqual(decodeUnverified(body.access_token).header.kid, stolen)
  })

  it('does not bring the key back either when every instance was stopped meanwhile and has its journal', async () => {
    const journal = { REKEY_REVOCATION_JOURNAL: join(folder, 'revocations.jsonl') }
    const before = await estate.instance(journal)
    const restore = await backup()
    const stolen = await revokeActive(before)
    await before.close()
    await restore()
    const idp = await estate.instance(journal)
    assert.equal((await kidsOf(idp)).includes(stolen), false)
    await eventually(
      () => stateOf(idp, stolen),
      (state) => state === 'revoked',
    )
  })
})
