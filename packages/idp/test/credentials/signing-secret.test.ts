import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { rootIdOf, sealerFor } from '@rekey/database'
import { startVault, type VaultServer } from '@rekey/secrets/testing'
import { clientSecrets } from '../../src/credentials/kept.ts'
import { recordOfSecret } from '../../src/credentials/public-part.ts'
import { sealSecretsAnew } from '../../src/credentials/seal-anew.ts'
import { storedUnder } from '../../src/root-keys/sealed.ts'
import { assertionType } from '../../src/tokens/form.ts'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { registerClient } from '../registration/client.ts'
import { goodClaims, hmac } from '../tokens/authentication/signer.ts'

/** A client that signs assertions by its secret. */
const register = (idp: TestInstance) =>
  registerClient(idp, {
    profile: 'code-flow-secret',
    token_endpoint_auth_method: 'client_secret_jwt',
    grant_types: ['authorization_code', 'client_credentials'],
    redirect_uris: ['https://app.example/cb'],
  })

async function tokenBy(idp: TestInstance, issuer: string, clientId: string, secret: string): Promise<number> {
  const assertion = hmac(secret, goodClaims(clientId, issuer, Date.now()))
  const form = { grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion: assertion }
  return (await idp.call('/api/v1/token', { method: 'POST', body: new URLSearchParams(form) })).status
}

describe('a secret that its client signs by', { timeout: 120_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
  })
  after(() => estate.stop())

  const sealedOf = async (clientId: string) => {
    const { document, credential_id: id } = await estate.db
      .selectFrom('credentials')
      .select(['document', 'credential_id'])
      .where('agent_id', '=', clientId)
      .executeTakeFirstOrThrow()
    const version = document?.versions.at(-1)
    return { id, version: version?.id ?? '', sealed: version?.publicPart.sealedSecret as string }
  }

  test('is sealed under a root key, and anew under the next, which leaves the old one free', async () => {
    const { clientId, secret } = await register(idp)
    const { id, version, sealed } = await sealedOf(clientId)
    const held = idp.idp.instance.rootKeys.sealing
    assert.equal(rootIdOf(sealed), held)
    const before = (await storedUnder(estate.db))[held]?.sealed ?? 0
    const old = { id: held, key: Buffer.from('07'.repeat(32), 'hex') }
    const next = { id: 'abcdefabcdef', key: randomBytes(32) }
    const sealer = sealerFor({ all: [next, old], sealing: next })
    await sealSecretsAnew(estate.db, sealer, next.id)
    const anew = await sealedOf(clientId)
    assert.equal(rootIdOf(anew.sealed), next.id)
    assert.equal(sealer.open(recordOfSecret(id, version), anew.sealed).toString(), secret)
    assert.equal((await storedUnder(estate.db))[held]?.sealed, before - 1)
    await sealSecretsAnew(estate.db, sealer, next.id)
    assert.deepEqual(await sealedOf(clientId), anew, 'nothing to do')
    await sealSecretsAnew(estate.db, sealerFor({ all: [next, old], sealing: old }), held)
    assert.equal(await tokenBy(idp, idp.url, clientId, secret), 200)
  })

  test('is not kept so that it can be read for a client that sends it', async () => {
    const sealer = sealerFor({ id: 'abcdefabcdef', key: randomBytes(32) })
    const kept = clientSecrets(undefined, sealer, (error) => assert.fail(String(error)))
    const publicPart = await kept.keep('agent', 'credential', 'sk_live_x')
    assert.deepEqual(Object.keys(publicPart), ['sha256'])
    assert.equal(await kept.secretOf('credential', { id: 'v', state: 'active', publicPart }), undefined)
  })

  test('opens for its own version of its own credential only', async () => {
    const sealer = sealerFor({ id: 'abcdefabcdef', key: randomBytes(32) })
    const kept = clientSecrets(undefined, sealer, (error) => assert.fail(String(error)))
    const publicPart = await kept.keep('agent', 'credential', 'sk_live_x', 'v')
    const open = (credential: string, id: string) => kept.secretOf(credential, { id, state: 'active', publicPart })
    assert.equal((await open('credential', 'v'))?.toString(), 'sk_live_x')
    for (const [credential, id] of [
      ['other', 'v'],
      ['credential', 'w'],
    ] as const) {
      await assert.rejects(open(credential, id), { code: 'SEAL_DAMAGED' })
    }
  })
})

describe('a secret in Vault that its client signs by', { timeout: 120_000 }, () => {
  const issuer = 'http://idp.example'
  let vault: VaultServer
  let estate: Estate
  let one: TestInstance
  let two: TestInstance
  before(async () => {
    vault = await startVault()
    estate = await startEstate({ REKEY_ISSUER: issuer, VAULT_ADDR: vault.url, VAULT_TOKEN: vault.token })
    ;[one, two] = [await estate.instance(), await estate.instance()]
  })
  after(async () => {
    vault.sealed(false)
    await estate.stop()
    await vault.close()
  })

  test('is read from there, and the database holds neither it nor its hash', async () => {
    const { clientId, secret } = await register(one)
    for (const at of [one, two]) assert.equal(await tokenBy(at, issuer, clientId, secret), 200)
    assert.equal(await tokenBy(two, issuer, clientId, `${secret}x`), 401)
    const rows = await estate.db.selectFrom('credentials').selectAll().where('agent_id', '=', clientId).execute()
    assert.doesNotMatch(JSON.stringify(rows), /sha256|sealedSecret|sk_live/)
  })

  test('that cannot be read is no wrong secret', async () => {
    const { clientId, secret } = await register(one)
    vault.sealed(true)
    assert.equal(await tokenBy(two, issuer, clientId, secret), 503)
    vault.sealed(false)
    assert.equal(await tokenBy(two, issuer, clientId, secret), 200)
  })
})
