import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startVault, type VaultServer } from '@rekey/secrets/testing'
import { sql } from 'kysely'
import { credentialPath } from '../../src/vault/path.ts'
import { admin, agent, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { pathOf, type TestCredential } from './setting.ts'

describe('credentials whose secrets are kept in Vault', { timeout: 120_000 }, () => {
  let vault: VaultServer
  let estate: Estate
  let one: TestInstance
  let two: TestInstance
  before(async () => {
    vault = await startVault()
    estate = await startEstate({
      REKEY_ISSUER: 'http://idp.example',
      VAULT_ADDR: vault.url,
      VAULT_TOKEN: vault.token,
    })
    ;[one, two] = [await estate.instance(), await estate.instance()]
  })
  after(async () => {
    vault.sealed(false)
    await estate.stop()
    await vault.close()
  })

  async function credential(): Promise<TestCredential> {
    const { agentId } = (await one.manage('POST', '/api/v1/agents', {})).body
    const { status, body } = await one.manage('POST', `/api/v1/agents/${agentId}/credentials`, {})
    assert.equal(status, 201)
    return body
  }
  const accepted = async (of: TestCredential) =>
    (await Promise.all([one.token(of), two.token(of)])).map(({ status }) => status)
  const kept = ({ clientId, credentialId }: TestCredential) => [
    ...vault.versions(credentialPath(clientId, credentialId)).values(),
  ]
  /** What is left there that can be read. */
  const readable = (of: TestCredential) =>
    kept(of).flatMap(({ data }) => (data as { clientSecret: string } | null)?.clientSecret ?? [])
  const rowOf = ({ credentialId }: TestCredential) =>
    estate.db.selectFrom('credentials').selectAll().where('credential_id', '=', credentialId).executeTakeFirstOrThrow()

  test('are accepted by every instance, and the database holds neither the secret nor its hash', async () => {
    const made = await credential()
    assert.deepEqual(await accepted(made), [200, 200])
    assert.deepEqual(readable(made), [made.clientSecret])
    const row = await rowOf(made)
    assert.equal(row.secret_hash, null)
    assert.doesNotMatch(JSON.stringify(row.document), /sha256|sk_live/)
    assert.deepEqual(await accepted({ ...made, clientSecret: `sk_live_${'0'.repeat(64)}` }), [401, 401])
  })

  test('have the old version destroyed when they are rotated, and it is a tripwire all the same', async () => {
    const old = await credential()
    const { body } = await one.manage('POST', `${pathOf(old)}/rotate`, {})
    assert.deepEqual(
      [await accepted(old), await accepted(body)],
      [
        [401, 401],
        [200, 200],
      ],
    )
    await eventually(
      async () => readable(old),
      (secrets) => secrets.length === 1,
    )
    assert.deepEqual(readable(old), [body.clientSecret])
    await eventually(
      () => rowOf(old),
      ({ untidy }) => !untidy,
    )
    const before = await tripwires(old)
    assert.equal((await one.token(old)).status, 401)
    await one.idp.instance.gathered.flush()
    assert.ok((await tripwires(old)) > before)
  })

  test('keep both versions in an overlap, and none when they are revoked', async () => {
    const old = await credential()
    const { body } = await one.manage('POST', `${pathOf(old)}/rotate`, { overlap: '1h' })
    assert.deepEqual(
      [await accepted(old), await accepted(body)],
      [
        [200, 200],
        [200, 200],
      ],
    )
    assert.deepEqual(readable(old), [old.clientSecret, body.clientSecret])
    await one.manage('POST', `${pathOf(old)}/revoke`, { reason: 'leaked' })
    assert.deepEqual(await accepted(body), [401, 401])
    await eventually(
      async () => kept(old),
      (versions) => versions.length === 0,
    )
  })

  test('are not made for what is refused: each would use up a version of the path', async () => {
    const { agentId } = (await one.manage('POST', '/api/v1/agents', { scopes: ['audit:read'] })).body
    const all = `/api/v1/agents/${agentId}/credentials`
    const old = (await one.manage('POST', all, {})).body as TestCredential
    const paths = new Set(vault.paths())
    const weak = (await one.token(admin, { scope: 'agents:write' })).body.access_token
    const refusals: [number, object, string?][] = [
      [403, {}, weak],
      [400, { expiresAt: '2001-01-01T00:00:00Z' }],
      [400, { expiresAt: new Date(Date.now() + 60_000).toISOString(), overlap: '1h' }],
    ]
    for (const [status, body, bearer] of refusals) {
      assert.equal((await one.manage('POST', `${pathOf(old)}/rotate`, body, bearer)).status, status)
    }
    for (const [status, body, bearer] of refusals.slice(0, 2)) {
      assert.equal((await one.manage('POST', all, body, bearer)).status, status)
    }
    assert.equal(kept(old).length, 1)
    await one.manage('POST', `${pathOf(old)}/revoke`, { reason: 'test' })
    assert.equal((await one.manage('POST', `${pathOf(old)}/rotate`, {})).status, 409)
    await one.manage('POST', `/api/v1/agents/${agentId}/decommission`, {})
    assert.equal((await one.manage('POST', all, {})).status, 409)
    assert.ok(vault.paths().every((path) => paths.has(path)))
  })

  test('of a rotation that came too late are discarded', async () => {
    const old = await credential()
    const both = await estate.db.transaction().execute(async (transaction) => {
      // Both have read the credential, and wait to save it.
      await sql`SELECT FROM credentials WHERE credential_id = ${old.credentialId} FOR UPDATE`.execute(transaction)
      const replies = [one, two].map((idp) => idp.manage('POST', `${pathOf(old)}/rotate`, { overlap: '1h' }))
      await eventually(
        async () => kept(old).length,
        (versions) => versions === 3,
      )
      return replies
    })
    const replies = (await Promise.all(both)).toSorted((a, b) => a.status - b.status)
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 409],
    )
    assert.deepEqual(new Set(readable(old)), new Set([old.clientSecret, replies[0]?.body.clientSecret]))
  })

  test('that Vault has lost are not wrong: that is a fault, unless it says that somebody destroyed them', async () => {
    const lost = await credential()
    const other = (await one.manage('POST', `/api/v1/agents/${lost.clientId}/credentials`, {})).body
    const versions = vault.versions(credentialPath(lost.clientId, lost.credentialId))
    const version = versions.get(1)
    assert.ok(version)
    versions.delete(1)
    const reply = await one.token(lost)
    assert.deepEqual([reply.status, reply.body.error], [503, 'temporarily_unavailable'])
    const lines = one.lines.map((line) => JSON.parse(line))
    assert.ok(lines.some(({ level, err }) => level === 50 && /not in Vault any more/.test(err?.message)))
    assert.equal((await one.token(other)).status, 200, 'what is there works')
    versions.set(1, version)
    assert.deepEqual(await accepted(lost), [200, 200])
    const destroyed = await credential()
    const [only] = kept(destroyed)
    assert.ok(only)
    Object.assign(only, { destroyed: true, data: null })
    assert.deepEqual(await accepted(destroyed), [401, 401])
  })

  test('that cannot be read when they are to be destroyed stay until their hash is known', async () => {
    const old = await credential()
    const [version] = kept(old)
    const reads = new RegExp(`^GET /v1/secret/data/.*${old.credentialId}`)
    const asked = () => vault.requests.filter((line) => reads.test(line)).length
    vault.instead((line) => (reads.test(line) ? { status: 500, body: '{"errors":["internal error"]}' } : undefined))
    await one.manage('POST', `${pathOf(old)}/rotate`, {})
    const before = asked()
    await eventually(
      async () => asked() - before,
      (times) => times >= 3,
    )
    assert.deepEqual([version?.destroyed, (await rowOf(old)).untidy], [false, true])
    vault.instead(undefined)
    await eventually(
      async () => version?.destroyed,
      (destroyed) => destroyed === true,
    )
    const tripped = await tripwires(old)
    assert.equal((await one.token(old)).status, 401)
    await one.idp.instance.gathered.flush()
    assert.ok((await tripwires(old)) > tripped)
  })

  test('that somebody else has destroyed already are not waited for', async () => {
    const old = await credential()
    Object.assign(kept(old)[0] ?? {}, { destroyed: true, data: null })
    await one.manage('POST', `${pathOf(old)}/rotate`, {})
    await eventually(
      () => rowOf(old),
      ({ untidy }) => !untidy,
    )
  })

  test('cannot be made while Vault is sealed, which looks to nobody as if his secret were wrong', async () => {
    const old = await credential()
    assert.equal((await one.token(old)).status, 200)
    vault.sealed(true)
    const refused = await one.manage('POST', `${pathOf(old)}/rotate`, {})
    assert.deepEqual([refused.status, refused.body.code], [503, 'VAULT_UNAVAILABLE'])
    assert.ok(refused.headers.get('retry-after'))
    assert.equal((await one.token(old)).status, 200, 'it is in memory here')
    assert.equal((await two.token(old)).status, 503, 'and not here')
    assert.equal((await two.token(agent)).status, 200, 'a hashed one works')
    const revoked = await one.manage('POST', `${pathOf(old)}/revoke`, { reason: 'leaked' })
    assert.equal(revoked.status, 200)
    assert.deepEqual(await accepted(old), [401, 401], 'to revoke one needs no Vault')
    vault.sealed(false)
    await eventually(
      async () => kept(old),
      (versions) => versions.length === 0,
    )
  })

  test('that were hashes work until they are rotated, and then are kept in Vault', async () => {
    const all = `/api/v1/agents/${agent.clientId}/credentials`
    const [{ credentialId }] = (await one.manage('GET', all)).body.credentials
    assert.deepEqual(await accepted({ ...agent, credentialId }), [200, 200])
    const { body } = await one.manage('POST', `${all}/${credentialId}/rotate`, { overlap: '1h' })
    assert.deepEqual(
      [await accepted({ ...agent, credentialId }), await accepted(body)],
      [
        [200, 200],
        [200, 200],
      ],
    )
    assert.deepEqual(readable(body), [body.clientSecret])
    assert.equal((await rowOf(body)).secret_hash, null)
  })

  async function tripwires({ clientId }: TestCredential): Promise<number> {
    const events = await estate.db
      .selectFrom('audit_events')
      .select('action')
      .where('agent_id', '=', clientId)
      .where('action', '=', 'credential.tripwire')
      .execute()
    return events.length
  }
})
