import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { hashSecret } from '../../src/credentials/secret.ts'
import { anHourMs, settingOf } from './setting.ts'

describe('a credential as the release before wrote it', { timeout: 60_000 }, () => {
  const setting = settingOf(1)
  const { accepted, detail, rotate } = setting

  /** With the columns that it knows, as it goes on to do while this release is being rolled out. */
  async function plain(expiresAt?: Date) {
    const { clientId } = await setting.credential()
    const clientSecret = `sk_live_${randomBytes(32).toString('hex')}`
    const credentialId = `plain-${randomBytes(4).toString('hex')}`
    await setting
      .estate()
      .db.insertInto('credentials')
      .values({
        credential_id: credentialId,
        agent_id: clientId,
        secret_hash: hashSecret(clientSecret),
        expires_at: expiresAt ?? null,
      })
      .execute()
    // It announces what it writes.
    setting.idp().idp.instance.clients.forget(clientId)
    return { credentialId, clientId, clientSecret }
  }
  const rowOf = (credentialId: string) =>
    setting
      .estate()
      .db.selectFrom('credentials')
      .select(['secret_hash', 'status', 'expires_at', 'document'])
      .where('credential_id', '=', credentialId)
      .executeTakeFirstOrThrow()

  test('works, and is one version', async () => {
    const old = await plain()
    assert.deepEqual(await accepted(old), [true])
    await setting.idp().idp.instance.uses.flush()
    const { status, versions } = await detail(old)
    assert.deepEqual([status, versions.length, versions[0].id, versions[0].seen.count], ['active', 1, 'first', 1])
  })

  test('rotates like any other, and its uses stay its own', async () => {
    const old = await plain(new Date(Date.now() + anHourMs))
    await accepted(old)
    const { body } = await rotate(old, { overlap: '10m' })
    assert.deepEqual([await accepted(old), await accepted(body)], [[true], [true]])
    assert.ok(Math.abs(Date.parse(body.expiresAt) - Date.now() - anHourMs) < 60_000)
    await setting.idp().idp.instance.uses.flush()
    const [first, second] = (await detail(old)).versions
    assert.deepEqual([first.state, first.seen.count, second.seen.count], ['retiring', 2, 1])
  })

  test('is expired when its column says so', async () => {
    assert.deepEqual(await accepted(await plain(new Date(0))), [false])
  })

  test('finds the active version in the columns that it reads', async () => {
    const old = await setting.credential()
    assert.deepEqual((await rowOf(old.credentialId)).secret_hash, hashSecret(old.clientSecret))
    const expiresAt = new Date(Date.now() + anHourMs)
    const { body } = await rotate(old, { expiresAt: expiresAt.toISOString(), overlap: '10m' })
    const row = await rowOf(old.credentialId)
    assert.deepEqual([row.secret_hash, row.status], [hashSecret(body.clientSecret), 'active'])
    assert.equal(row.expires_at, expiresAt.getTime())
    await setting.idp().manage('DELETE', `/api/v1/agents/${old.clientId}/credentials/${old.credentialId}`)
    const revoked = await rowOf(old.credentialId)
    assert.deepEqual([revoked.secret_hash, revoked.status], [null, 'revoked'])
  })
})
