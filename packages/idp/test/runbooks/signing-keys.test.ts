/** The runbook by which operators rotate the keys that tokens are signed by, as it goes with tokens that live for seconds. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect, type DatabaseTables } from '@rekey/database'
import { createVerifier, jwksPolling, type Verifier } from '@rekey/verifier'
import { agent, decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

const statement = 'UPDATE oidc_keys SET active = false WHERE active = true;'
const lifeMs = 3_000
const skewMs = 500

describe('the runbook for signing keys', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let owner: Connection<DatabaseTables>
  let verifier: Verifier
  /** By the key that was in use before the rotation. */
  let old: string
  before(async () => {
    estate = await startEstate({
      REKEY_ISSUER: 'http://idp.example',
      REKEY_ACCESS_TOKEN_TTL: `${lifeMs}ms`,
      REKEY_CLOCK_SKEW: `${skewMs}ms`,
      JWKS_CACHE_TTL_SECONDS: '0',
    })
    idp = await estate.instance()
    owner = connect(estate.database.ownerUrl)
    const trust = jwksPolling({ jwksUri: `${idp.url}/.well-known/jwks.json` })
    verifier = createVerifier({ issuer: 'http://idp.example', audience: 'urn:rekey:api', algorithms: ['ES256'], trust })
    await verifier.start()
  })
  after(async () => {
    await verifier.close()
    await owner.close()
    await estate.stop()
  })

  const token = async (): Promise<string> => {
    const { status, body } = await idp.token(agent)
    assert.equal(status, 200)
    return body.access_token
  }
  const kidIn = (jwt: string) => decodeUnverified(jwt).header.kid
  const published = async (): Promise<string[]> =>
    (await idp.call('/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)
  const stateOf = async (kid: string) =>
    (await owner.pool.query('SELECT state, active FROM oidc_keys WHERE kid = $1', [kid])).rows[0]

  test('a key for each algorithm is made at the first start, is active in oidc_keys and stands in the key set', async () => {
    const { rows } = await owner.pool.query('SELECT kid, algorithm FROM oidc_keys WHERE active ORDER BY algorithm')
    assert.deepEqual(
      rows.map(({ algorithm }) => algorithm),
      ['ES256', 'RS256'],
    )
    const kids = await published()
    for (const { kid } of rows) assert.ok(kids.includes(kid))
    old = await token()
    assert.equal(kidIn(old), rows[0].kid)
  })

  test('the UPDATE of oidc_keys makes the next key sign, at an instance that is not restarted', async () => {
    assert.equal((await owner.pool.query(statement)).rowCount, 2)
    const next = await eventually(token, (jwt) => kidIn(jwt) !== kidIn(old))
    assert.deepEqual(await stateOf(kidIn(next)), { state: 'active', active: true })
  })

  test('the old public key stays in the key set, and tokens that it signed go on working', async () => {
    assert.equal((await stateOf(kidIn(old))).active, false)
    assert.ok((await published()).includes(kidIn(old)))
    verifier.verify(old)
  })

  test('after the last token that it can have signed the old key leaves the key set, and tokens by it are refused', async () => {
    const { exp } = decodeUnverified(old).payload
    const left = await eventually(published, (kids) => !kids.includes(kidIn(old)))
    assert.ok(Date.now() >= exp * 1_000, 'not before its tokens ended')
    assert.ok(left.length > 0)
    await eventually(
      async () => (await stateOf(kidIn(old)))?.state,
      (state) => state === 'retired',
    )
    await verifier.refresh()
    assert.throws(() => verifier.verify(old))
  })

  test('a rolling restart after the UPDATE is not needed, and costs no token', async () => {
    const before = kidIn(await token())
    await owner.pool.query(statement)
    const another = await estate.instance()
    const statuses: number[] = []
    for (let i = 0; i < 10; i += 1) statuses.push((await another.token(agent)).status, (await idp.token(agent)).status)
    await another.close()
    assert.deepEqual([...new Set(statuses)], [200])
    await eventually(token, (jwt) => kidIn(jwt) !== before)
  })

  test('no key is needed for longer than 24 hours: what would need one is refused at start', async () => {
    const tooLong = { REKEY_ACCESS_TOKEN_TTL: '24h', REKEY_CREDENTIAL_QUIET: '48h' }
    await assert.rejects(estate.instance(tooLong), { code: 'POLICY_INVALID' })
    const { body } = await idp.manage('GET', '/api/v1/keyrings/signing-es256')
    assert.equal(body.policy.maxGrace, '1d')
  })

  test('a scheduled rotation comes every 90 days, by itself', async () => {
    const { body } = await idp.manage('GET', '/api/v1/keyrings/signing-es256')
    assert.equal(body.policy.rotateEvery, '90d')
    const before = kidIn(await token())
    await owner.pool.query(`UPDATE keyrings SET next_decision_at = 'epoch',
      document = jsonb_set(document, '{versions}', (SELECT jsonb_agg(CASE WHEN version ->> 'state' = 'active'
        THEN version || jsonb_build_object('activatedAt', (version ->> 'activatedAt')::bigint - 90 * 86400000::bigint)
        ELSE version END) FROM jsonb_array_elements(document -> 'versions') AS version)) WHERE name = 'signing-es256'`)
    await eventually(token, (jwt) => kidIn(jwt) !== before)
  })

  test('a key that is compromised is revoked: it leaves the key set at once, and its tokens are refused', async () => {
    const stolen = await token()
    const reason = { id: kidIn(stolen), reason: 'key file exposed', incident: 'INC-3' }
    await eventually(
      () => idp.manage('POST', '/api/v1/keyrings/signing-es256/revoke', reason),
      ({ status }) => status === 200,
    )
    assert.equal((await published()).includes(kidIn(stolen)), false)
    assert.notEqual(kidIn(await token()), kidIn(stolen))
    assert.equal((await stateOf(kidIn(stolen))).state, 'revoked')
  })

  test('the algorithm is upgraded from RS256 to ES256 by a request, and tokens by the old one go on working', async () => {
    const issueBy = async (keyring: string) => {
      const { status } = await idp.manage('PUT', '/api/v1/issuance', { keyring, force: true, reason: 'upgrade' })
      assert.equal(status, 202)
    }
    const algorithm = (jwt: string) => decodeUnverified(jwt).header.alg
    await issueBy('signing-rs256')
    const before = await eventually(token, (jwt) => algorithm(jwt) === 'RS256')
    await issueBy('signing-es256')
    await eventually(token, (jwt) => algorithm(jwt) === 'ES256')
    assert.ok((await published()).includes(kidIn(before)), 'whoever holds one of its tokens still needs its key')
    assert.equal((await stateOf(kidIn(before))).active, true)
  })
})
