import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Estate, startEstate, type TestInstance } from '../estate.ts'
import { changesOf } from './changes.ts'
import { newKey, registerClient, sendAs, tokenByKey } from './client.ts'

describe('a change of what a client authenticates by', { timeout: 180_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
  })
  after(() => estate.stop())
  const { patch, put, read, refused } = changesOf(() => idp)

  describe('of its keys', () => {
    test('is of use at once, on every instance', async () => {
      const client = await registerClient(idp)
      for (const instance of [idp, other])
        assert.equal((await tokenByKey({ ...instance, url: idp.url }, client.clientId, client.key)).status, 200)
      const key = newKey()
      assert.equal((await patch(client, { jwks: { keys: [key.jwk] } })).status, 200)
      for (const instance of [idp, other]) {
        assert.equal((await tokenByKey({ ...instance, url: idp.url }, client.clientId, key)).status, 200)
        assert.equal((await tokenByKey({ ...instance, url: idp.url }, client.clientId, client.key)).status, 401)
      }
    })

    test('serves an assertion that reaches another instance at the same moment', async () => {
      for (let round = 0; round < 5; round += 1) {
        const client = await registerClient(idp)
        await tokenByKey({ ...other, url: idp.url }, client.clientId, client.key)
        const key = newKey()
        const both = { jwks: { keys: [client.key.jwk, key.jwk] } }
        const [changed, byOld] = await Promise.all([
          patch(client, both),
          tokenByKey({ ...other, url: idp.url }, client.clientId, client.key),
        ])
        assert.deepEqual([changed.status, byOld.status], [200, 200])
        assert.equal((await tokenByKey({ ...other, url: idp.url }, client.clientId, key)).status, 200)
      }
    })

    test('is refused private and shared keys, and what is no key', async () => {
      const client = await registerClient(idp)
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' })
      const { crv: _crv, ...uncurved } = newKey().jwk
      const bad = [
        { ...privateKey.export({ format: 'jwk' }), kid: 'p' },
        { kty: 'oct', k: 'c2VjcmV0', kid: 'o' },
        { ...newKey().jwk, d: '' },
        { ...newKey().jwk, use: 'enc' },
        { ...newKey().jwk, alg: 'RS256' },
        { ...newKey().jwk, x: 'AA' },
        { ...newKey().jwk, kid: 'a b' },
        { ...newKey().jwk, kid: '' },
        { ...weak, kid: 'w' },
        uncurved,
        {},
      ]
      for (const jwk of bad) await refused(client, { jwks: { keys: [client.key.jwk, jwk] } })
      for (const jwks of [{ keys: {} }, { keys: ['x'] }, { keys: [null] }, [], 'x', { keys: null }])
        await refused(client, { jwks })
      assert.doesNotMatch(idp.lines.join(''), /c2VjcmV0/)
    })

    test('names those without kid by their thumbprints', async () => {
      const client = await registerClient(idp)
      const { kid: _kid, ...unnamed } = newKey().jwk
      const { body } = await patch(client, { jwks: { keys: [client.key.jwk, unnamed] } })
      assert.match(body.jwks.keys[1].kid, /^[\w-]{43}$/)
    })

    test('is refused a kid of another key, now and for ever', async () => {
      const client = await registerClient(idp)
      const { kid } = client.key
      assert.match(await refused(client, { jwks: { keys: [newKey(kid).jwk] } }), /new kid/)
      await refused(client, { jwks: { keys: [client.key.jwk, newKey(kid).jwk] } })
      assert.equal((await patch(client, { jwks: { keys: [newKey().jwk] } })).status, 200)
      await refused(client, { jwks: { keys: [newKey(kid).jwk] } })
      assert.equal((await patch(client, { jwks: { keys: [client.key.jwk] } })).status, 200)
      const elsewhere = await registerClient(idp, { key: newKey(kid) })
      assert.equal((await tokenByKey(idp, elsewhere.clientId, elsewhere.key)).status, 200)
    })

    test('is refused more of them than a client may have, however many are sent', async () => {
      const client = await registerClient(idp)
      const keys = Array.from({ length: 21 }, () => newKey().jwk)
      assert.match(await refused(client, { jwks: { keys } }), /at most 20/)
      const small = Array.from({ length: 1_000 }, (_, i) => ({ kty: 'EC', kid: `k${i}` }))
      assert.match(await refused(client, { jwks: { keys: small } }), /at most 20/)
      assert.equal((await patch(client, { jwks: { keys: keys.slice(0, 20) } })).status, 200)
    })

    test('may go from inline to an address and back, and never has both', async () => {
      const client = await registerClient(idp)
      const jwks_uri = 'https://app.example/jwks.json'
      await refused(client, { jwks_uri, jwks: { keys: [client.key.jwk] } })
      const away = await patch(client, { jwks_uri })
      assert.deepEqual([away.body.jwks, away.body.jwks_uri], [undefined, jwks_uri])
      const back = await patch(client, { jwks: { keys: [client.key.jwk] } })
      assert.deepEqual([back.body.jwks.keys[0].kid, back.body.jwks_uri], [client.key.kid, undefined])
      for (const bad of ['http://app.example/jwks.json', 'ftp://x', 'https://u:p@app.example/', 'x'])
        await refused(client, { jwks_uri: bad })
    })
  })

  describe('by several at once', () => {
    test('loses nothing where they say what they change', async () => {
      const client = await registerClient(idp)
      const keys = [newKey(), newKey(), newKey(), newKey()]
      async function add(index: number): Promise<void> {
        const instance = index % 2 === 0 ? idp : other
        for (;;) {
          const { headers, body } = await sendAs(instance, client.rat, 'GET', client.path)
          const jwks = { keys: [...body.jwks.keys, keys[index]?.jwk] }
          const { status } = await patch(client, { jwks }, { 'if-match': headers.get('etag') ?? '' }, instance)
          if (status === 200) return
          assert.equal(status, 412)
        }
      }
      await Promise.all(keys.map((_, index) => add(index)))
      const kids = (await read(client)).jwks.keys.map(({ kid }: { kid: string }) => kid)
      assert.deepEqual(kids.toSorted(), [client.key, ...keys].map(({ kid }) => kid).toSorted())
    })

    test('is refused where it changed meanwhile', async () => {
      const client = await registerClient(idp)
      await patch(client, { client_name: 'x' })
      for (const tag of [client.etag, 'W/"2"', '2', 'x']) {
        const { status, body } = await patch(client, { client_name: 'y' }, { 'if-match': tag })
        assert.deepEqual([status, body.error], [412, 'precondition_failed'], tag)
      }
      assert.equal((await put(client, client.metadata.jwks, { 'if-match': client.etag })).status, 412)
      const stale = await sendAs(idp, client.rat, 'DELETE', client.path, undefined, { 'if-match': client.etag })
      assert.equal(stale.status, 412)
      for (const tag of ['"2"', '*', '"7", "4"'])
        assert.equal((await patch(client, { client_name: tag }, { 'if-match': tag })).status, 200)
    })
  })

  describe('of how it authenticates', () => {
    const bySecret = { profile: 'code-flow-secret', grant_types: ['client_credentials'] }

    test('is refused where it would need a secret of another sort', async () => {
      const client = await registerClient(idp, bySecret)
      await refused(client, { token_endpoint_auth_method: 'client_secret_jwt' })
      const other = { token_endpoint_auth_method: 'client_secret_post' }
      assert.equal((await patch(client, other)).status, 200)
      const signing = await registerClient(idp, { ...bySecret, token_endpoint_auth_method: 'client_secret_jwt' })
      assert.match(signing.secret, /^sk_live_/)
      const row = await estate.db
        .selectFrom('credentials')
        .select('document')
        .where('agent_id', '=', signing.clientId)
        .executeTakeFirst()
      assert.ok(!JSON.stringify(row).includes(signing.secret))
      assert.match(JSON.stringify(row), /"sealedSecret":"s1\./)
    })

    test('ends its secrets where it goes over to keys', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'rekey-profiles-'))
      const methods = ['client_secret_basic', 'private_key_jwt']
      const both = { based_on: 'code-flow-secret', token_endpoint_auth_methods: methods }
      await writeFile(join(folder, 'profiles.json'), JSON.stringify({ profiles: { both } }))
      const REKEY_CLIENT_PROFILES = join(folder, 'profiles.json')
      const instance = await estate.instance({ REKEY_CLIENT_PROFILES })
      await rm(folder, { recursive: true })
      const client = await registerClient(instance, { ...bySecret, profile: 'both', jwks: { keys: [] } })
      const credential = { clientId: client.clientId, clientSecret: client.secret }
      assert.equal((await instance.token(credential)).status, 200)
      const change = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [client.key.jwk] } }
      assert.equal((await patch(client, change, {}, instance)).status, 200)
      assert.equal((await instance.token(credential)).status, 401)
      assert.equal((await tokenByKey(instance, client.clientId, client.key)).status, 200)
      const back = await patch(client, { token_endpoint_auth_method: 'client_secret_basic' }, {}, instance)
      assert.deepEqual([back.status, back.body.error], [400, 'invalid_client_metadata'])
      await instance.close()
    })
  })
})
