import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createVerifier, trustFeed, type VerifyError } from '@rekey/verifier'
import { sql } from 'kysely'
import {
  agent,
  basic,
  decodeUnverified,
  type Estate,
  eventually,
  reader,
  startEstate,
  type TestInstance,
  verifier as verifierClient,
} from '../estate.ts'

const path = '/api/v1/keyrings/signing-es256'

describe('rotating a signing key', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let bearer: string
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    bearer = await idp.management()
  })
  after(() => estate.stop())

  const keyring = async () => (await idp.manage('GET', path, undefined, bearer)).body
  const idOf = async (state: string) =>
    (await keyring()).versions.find((version: { state: string }) => version.state === state)?.id
  const signsWith = async () => decodeUnverified((await idp.token(agent)).body.access_token).header.kid
  const post = (action: string, body?: unknown) => idp.manage('POST', `${path}/${action}`, body, bearer)
  const standby = () =>
    eventually(keyring, (found) => found.versions.at(-1).servedAt && found.versions.at(-1).state === 'prepared')

  const epoch = async () => (await estate.db.selectFrom('revision').select('epoch').executeTakeFirstOrThrow()).epoch

  async function startVerifier() {
    const verifier = createVerifier({
      issuer: idp.url,
      audience: 'urn:rekey:api',
      algorithms: ['ES256', 'RS256'],
      trust: trustFeed({ issuer: idp.url, ...verifierClient, onLeaseLost: 'fail-closed' }),
    })
    await verifier.start()
    return verifier
  }

  test('takes the standby key; tokens of the old one stay good', async () => {
    const verifier = await startVerifier()
    const next = await idOf('prepared')
    const old = (await idp.token(agent)).body.access_token
    const reply = await post('rotate', { reason: 'drill' })
    assert.equal(reply.status, 202)
    assert.equal(reply.body.rotation.reason, 'drill')
    await eventually(signsWith, (kid) => kid === next)
    verifier.verify(old)
    verifier.verify((await idp.token(agent)).body.access_token)
    const { versions, waiting } = await eventually(keyring, (found) => found.versions[0].demotedAt)
    assert.equal(versions[0].state, 'retiring')
    assert.equal(waiting[0].gate, 'drained')
    assert.equal(Date.parse(waiting[0].opensAt) - Date.parse(versions[0].demotedAt), 3_600_000 + 30_000)
    await verifier.close()
  })

  test('waits for a verifier that has not acknowledged the next key, and names it; force overrides', async () => {
    await standby()
    const slow = {
      instance: 'slow-process',
      epoch: await epoch(),
      n: 0,
      library: 'test',
      algorithms: ['ES256'],
    }
    const lease = () => idp.call('/trust/lease', jsonBy(slow))
    const newest = (await lease()).body.n
    slow.n = newest
    assert.equal((await lease()).body.leaseSeconds, 15)
    await post('discard', { id: await idOf('prepared') })
    await standby()
    const active = await idOf('active')
    assert.equal((await post('rotate')).status, 202)
    const { waiting } = await eventually(keyring, (found) =>
      found.waiting.some((wait: { gate: string }) => wait.gate === 'propagated'),
    )
    const gate = waiting.find((wait: { gate: string }) => wait.gate === 'propagated')
    assert.deepEqual(gate.for, ['verifier api/slow-process'])
    assert.ok(Date.parse(gate.opensAt) > Date.now(), 'opens by itself when the lease is over')
    const second = await post('rotate')
    assert.deepEqual([second.status, second.body.code], [409, 'ROTATION_UNDER_WAY'])
    assert.equal((await post('rollback')).body.code, 'ROTATION_UNDER_WAY')
    assert.equal(await idOf('active'), active)
    assert.equal((await post('rotate', { force: true })).status, 202)
    await eventually(signsWith, (kid) => kid !== active)
    await idp.call('/trust/lease', { ...jsonBy({ instance: slow.instance }), method: 'DELETE' })
  })

  test('goes on by itself when the last verifier acknowledges', async () => {
    await standby()
    const slow = { instance: 'late', epoch: await epoch(), n: 0, library: 'test', algorithms: [] }
    slow.n = (await idp.call('/trust/lease', jsonBy(slow))).body.n
    await idp.call('/trust/lease', jsonBy(slow))
    await post('discard', { id: await idOf('prepared') })
    await standby()
    const active = await idOf('active')
    await post('rotate')
    const behind = (await idp.call('/trust/lease', jsonBy(slow))).body
    assert.equal(behind.leaseSeconds, 0, 'no lease for a verifier that is behind')
    assert.equal(await idOf('active'), active)
    slow.n = behind.n
    assert.equal((await idp.call('/trust/lease', jsonBy(slow))).body.leaseSeconds, 15)
    await eventually(signsWith, (kid) => kid !== active)
    await idp.call('/trust/lease', { ...jsonBy({ instance: slow.instance }), method: 'DELETE' })
  })

  test('can be rolled back while the private half is kept', async () => {
    const before = await idOf('active')
    await post('rotate')
    await eventually(signsWith, (kid) => kid !== before)
    assert.equal((await post('rollback')).status, 202)
    await eventually(signsWith, (kid) => kid === before)
    await eventually(keyring, (found) => found.waiting.length > 0)
  })

  test('revoking the active key activates the standby first; its tokens are refused, fresh ones are not', async () => {
    await standby()
    const verifier = await startVerifier()
    const old = (await idp.token(agent)).body.access_token
    const id = decodeUnverified(old).header.kid
    verifier.verify(old)
    const reply = await post('revoke', { id, reason: 'compromised', incident: 'INC-1' })
    assert.equal(reply.status, 200)
    const revoked = reply.body.versions.find((version: { id: string }) => version.id === id)
    assert.deepEqual([revoked.state, revoked.reason, revoked.incident], ['revoked', 'compromised', 'INC-1'])
    verifier.verify((await idp.token(agent)).body.access_token)
    await eventually(
      async () => codeOf(() => verifier.verify(old)),
      (code) => code === 'key_revoked',
    )
    assert.equal((await post('revoke', { id, reason: 'again' })).status, 200, 'revoking twice is no error')
    await verifier.close()
  })

  test('makes a successor first when the only usable key is to be revoked', async () => {
    await standby()
    const id = await idOf('active')
    // Taken away behind the loop's back: it would have a new one ready before this test could ask.
    await sql`UPDATE keyrings SET next_decision_at = NULL, document = jsonb_set(document, '{versions}',
      (SELECT jsonb_agg(version) FROM jsonb_array_elements(document->'versions') version
       WHERE version->>'state' <> 'prepared')) WHERE name = 'signing-es256'`.execute(estate.db)
    const { status, body } = await post('revoke', { id, reason: 'compromised' })
    assert.equal(status, 200)
    assert.equal(body.versions.find((version: { id: string }) => version.id === id).state, 'revoked')
    assert.notEqual(await signsWith(), id)
  })

  const refusals: [string, string, unknown, number, string][] = [
    ['an unknown keyring', '/api/v1/keyrings/nothing/rotate', undefined, 404, 'UNKNOWN_KEYRING'],
    ['an unknown version', `${path}/revoke`, { id: 'nothing', reason: 'r' }, 404, 'UNKNOWN_VERSION'],
    ['a revocation without a reason', `${path}/revoke`, { id: 'nothing' }, 400, 'INVALID_REQUEST'],
    ['a rotation with nonsense', `${path}/rotate`, { force: 'yes' }, 400, 'INVALID_REQUEST'],
  ]
  for (const [what, url, body, status, code] of refusals) {
    test(`refuses ${what} as ${code}`, async () => {
      const reply = await idp.manage('POST', url, body, bearer)
      assert.deepEqual([reply.status, reply.body.code], [status, code])
      assert.equal(reply.body.correlation_id, reply.headers.get('x-correlation-id'))
    })
  }

  test('needs keyrings:write', async () => {
    const mayRead = (await idp.token(reader, { scope: 'keyrings:read' })).body.access_token
    assert.equal((await idp.manage('GET', '/api/v1/keyrings', undefined, mayRead)).status, 200)
    const reply = await idp.manage('POST', `${path}/rotate`, undefined, mayRead)
    assert.deepEqual([reply.status, reply.body.code], [403, 'INSUFFICIENT_SCOPE'])
  })

  test('leaves an audit event for every change', async () => {
    const rows = await estate.db
      .selectFrom('audit_events')
      .select(['action', 'actor', 'details'])
      .orderBy('inserted')
      .execute()
    const actions = new Set(rows.map((row) => row.action))
    for (const change of [
      'created',
      'prepared',
      'served',
      'rotation_requested',
      'activated',
      'demoted',
      'discarded',
      'rolled_back',
      'revocation_requested',
      'revoked',
    ]) {
      assert.ok(actions.has(`keyring.${change}`), change)
    }
    const revoked = rows.find((row) => row.action === 'keyring.revoked')
    assert.equal(revoked?.actor, 'admin-1')
    assert.equal(revoked?.details.incident, 'INC-1')
    assert.equal(/sealedPrivate|s1\./.test(JSON.stringify(rows)), false)
  })

  function jsonBy(body: unknown): RequestInit {
    return {
      method: 'POST',
      headers: { authorization: basic(verifierClient), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }
  }
})

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'accepted'
  } catch (error) {
    return (error as VerifyError).code
  }
}
