import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { databaseKeyringStore } from '@rekey/database'
import { changeKeyring, type Keyring, requestRevocation } from '@rekey/keyring'
import { sql } from 'kysely'
import {
  agent,
  basic,
  decodeUnverified,
  type Estate,
  eventually,
  startEstate,
  type TestInstance,
  verifier,
} from './estate.ts'

describe('instances on one database', { timeout: 60_000 }, () => {
  const estates: Estate[] = []
  const estate = async (environment?: Record<string, string>) => {
    const started = await startEstate(environment)
    estates.push(started)
    return started
  }
  afterEach(() => Promise.all(estates.splice(0).map((started) => started.stop())))

  const kid = async (idp: TestInstance) => decodeUnverified((await idp.token(agent)).body.access_token).header.kid

  test('that start at once on an empty one make one active and one standby key', async () => {
    const { instance } = await estate()
    const started = await Promise.all([instance(), instance(), instance()])
    const { body } = await started[0].manage('GET', '/api/v1/keyrings')
    for (const keyring of body.keyrings) {
      assert.deepEqual(
        keyring.versions.map((version: { state: string }) => version.state),
        ['active', 'prepared'],
      )
    }
    assert.equal(new Set(await Promise.all(started.map(kid))).size, 1)
  })

  test('confirm a revocation before it is reported', async () => {
    const { instance } = await estate()
    const [one, two] = await Promise.all([instance(), instance()])
    const old = await kid(two)
    await one.manage('POST', '/api/v1/keyrings/signing-es256/revoke', { id: old, reason: 'test' })
    assert.notEqual(await kid(two), old)
    assert.equal(
      (await two.call('/.well-known/jwks.json')).body.keys.some((key: { kid: string }) => key.kid === old),
      false,
    )
  })

  test('that are cut off from it sign nothing, renew nobody, and recover by themselves', async () => {
    const { instance, database } = await estate()
    const idp = await instance()
    await database.reachable(false)
    const refused = await eventually(
      () => idp.token(agent),
      (reply) => reply.status !== 200,
    )
    assert.deepEqual([refused.status, refused.body.error], [503, 'temporarily_unavailable'])
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal((await idp.call('/readyz')).body.code, 'NO_LEASE')
    assert.equal((await idp.call('/.well-known/jwks.json')).status, 503)
    assert.equal((await idp.call('/healthz')).status, 200)
    const body = JSON.stringify({ instance: 'x', epoch: 1, n: 1 })
    const headers = { authorization: basic(verifier), 'content-type': 'application/json' }
    assert.equal((await idp.call('/trust/lease', { method: 'POST', headers, body })).status, 503)
    await database.reachable(true)
    await eventually(
      () => idp.token(agent),
      (reply) => reply.status === 200,
    )
  })

  test('started with OIDC_FORCE_KEY_ROTATION rotate once, and not a key that is young', async () => {
    const { instance, db } = await estate()
    const first = await instance()
    const old = await kid(first)
    const forced = { OIDC_FORCE_KEY_ROTATION: 'true' }
    assert.equal(await kid(await instance(forced)), old, 'the key is younger than ten minutes')
    await sql`UPDATE keyrings SET document = jsonb_set(document, '{versions,0,activatedAt}', '0')`.execute(db)
    const replicas = await Promise.all([instance(forced), instance(forced)])
    for (const replica of replicas)
      await eventually(
        () => kid(replica),
        (found) => found !== old,
      )
    const { body } = await first.manage('GET', '/api/v1/keyrings/signing-es256')
    assert.equal(body.versions.filter((version: { activatedAt?: string }) => version.activatedAt).length, 2)
  })

  test('carry out a revocation that another one was asked for and died over', async () => {
    const { instance, db } = await estate()
    const idp = await instance()
    const old = await kid(idp)
    // What the one that died had written: the request, and nothing more.
    const cause = { by: 'admin-1', reason: 'stolen' }
    const request = (keyring: Keyring, now: number) => requestRevocation(keyring, old, cause, now)
    const about = { action: 'keyring.revocation_requested', actor: 'admin-1', details: {} }
    await changeKeyring(databaseKeyringStore(db), 'signing-es256', request, about)
    const versions = async () => (await idp.manage('GET', '/api/v1/keyrings/signing-es256')).body.versions
    const [first] = await eventually(versions, ([version]) => version.state === 'revoked')
    assert.deepEqual([first.id, first.reason], [old, 'stolen'])
    assert.notEqual(await kid(idp), old)
  })

  test('tell verifiers of a new epoch when one of them is ahead of a restored database', async () => {
    const { instance, db } = await estate()
    await (await instance()).close()
    // A database of an older epoch, which nobody who starts begins anew: somebody else is there already.
    await sql`UPDATE revision SET epoch = epoch - 100`.execute(db)
    await sql`
      INSERT INTO instances (id, address, applied, lease_until, root_keys)
      SELECT 'neighbour', 'neighbour:80', 1000000, clock_timestamp() + interval '1 minute', array_agg(id) || 'columns'::text
      FROM root_keys`.execute(db)
    const idp = await instance()
    const { epoch } = await db.selectFrom('revision').select('epoch').executeTakeFirstOrThrow()
    const headers = { authorization: basic(verifier), 'content-type': 'application/json' }
    const lease = async (held: { epoch: number; n: number }) => {
      const body = JSON.stringify({ instance: 'restored', ...held })
      return (await idp.call('/trust/lease', { method: 'POST', headers, body })).body
    }
    // Of a later epoch: the backup was made before that one began.
    const ahead = { epoch: epoch + 50, n: 1 }
    assert.equal((await lease(ahead)).leaseSeconds, 0)
    const renewed = await eventually(
      () => lease(ahead),
      (reply) => reply.epoch > ahead.epoch,
    )
    await eventually(
      () => lease(renewed),
      (reply) => reply.leaseSeconds === 15,
    )
  })

  test('make the first administrator when they are told his credential', async () => {
    const { instance } = await estate()
    const credential = { clientId: 'first-admin', clientSecret: 'x'.repeat(40) }
    const environment = {
      REKEY_ADMIN_CLIENT_ID: credential.clientId,
      REKEY_ADMIN_CLIENT_SECRET: credential.clientSecret,
    }
    const [idp] = await Promise.all([instance(environment), instance(environment)])
    const bearer = await idp.management(credential)
    assert.equal((await idp.manage('POST', '/api/v1/verifiers', { name: 'api-7' }, bearer)).status, 201)
    const replaced = { ...credential, clientId: 'second-admin' }
    await instance({ ...environment, REKEY_ADMIN_CLIENT_ID: replaced.clientId })
    assert.equal((await idp.token(credential)).body.error, 'invalid_client', 'its predecessor is dead')
    assert.equal((await idp.manage('GET', '/api/v1/keyrings', undefined, bearer)).status, 401)
    await instance(environment)
    assert.equal((await idp.token(credential)).status, 200, 'until it is named again')
    assert.equal((await idp.token(replaced)).body.error, 'invalid_client')
  })

  test('refuse to start with another root key', async () => {
    const { instance } = await estate()
    await instance()
    await assert.rejects(instance({ ROOT: '08'.repeat(32) }), { code: 'ROOT_KEY_MISMATCH' })
  })

  test('only ever raise the longest token life', async () => {
    const { instance } = await estate()
    const first = await instance({ REKEY_ACCESS_TOKEN_TTL: '2h' })
    await instance({ REKEY_ACCESS_TOKEN_TTL: '5m' })
    const { body } = await first.manage('GET', '/api/v1/keyrings/signing-es256')
    assert.equal(body.policy.maxTokenTtl, '2h')
  })
})
