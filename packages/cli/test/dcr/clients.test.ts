import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryFolder } from '../folder.ts'
import { isLetIn } from './assertion.ts'
import { type Scene, type Service, scene } from './scene.ts'

describe('whoever administers clients that registered', () => {
  let s: Scene
  let bff: Service

  before(async () => {
    s = await scene()
    bff = s.service()
    await bff.started({ DCR_IAT: await s.iat() })
  })
  after(() => s.end())

  it('lists and shows them, with their keys and tokens, and no secret', async () => {
    const { clients } = await s.idp.json('dcr', 'client', 'list')
    assert.deepEqual(
      clients.map(({ client_id, kids }: { client_id: string; kids: string[] }) => [client_id, kids]),
      [['bff-server', ['bff-sig-001']]],
    )
    assert.match(
      (await s.idp.rekey('dcr', 'client', 'list')).stdout,
      / {2}bff-server .*code-flow-pkjwt .* bff-sig-001 /,
    )
    const { stdout } = await s.idp.rekey('dcr', 'client', 'show', 'bff-server')
    assert.match(stdout, /^Client +bff-server\n/)
    assert.match(stdout, /\nKeys\n {2}KID .*\n {2}bff-sig-001 +RS256 +jwks /)
    assert.match(stdout, /\nRegistration access tokens\n {2}STATE .*\n {2}active /)
    assert.doesNotMatch(stdout, new RegExp(bff.kept.registration_access_token))
  })

  it('adds keys, sees them, and replaces them by those that the file has', async () => {
    const folder = temporaryFolder()
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const [added, secret, all] = ['added.json', 'secret.json', 'all.json'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(added, JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid: 'added', alg: 'RS256' }))
    writeFileSync(secret, JSON.stringify({ keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'secret' }] }))
    const refused = await s.idp.rekey('dcr', 'client', 'jwks', 'add', 'bff-server', secret)
    assert.deepEqual([refused.code, /private key/.test(refused.stderr)], [2, true])

    const { keys } = await s.idp.json('dcr', 'client', 'jwks', 'add', 'bff-server', added)
    assert.deepEqual(
      keys.map(({ kid }: { kid: string }) => kid),
      ['bff-sig-001', 'added'],
    )
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    assert.equal(await isLetIn(s.wire.url, 'bff-server', 'added', pem), true)
    assert.match((await s.idp.rekey('dcr', 'client', 'jwks', 'show', 'bff-server')).stdout, / {2}added +RSA +RS256\n/)

    const shown = await s.idp.json('dcr', 'client', 'jwks', 'show', 'bff-server')
    writeFileSync(all, JSON.stringify({ keys: shown.keys.slice(0, 1) }))
    assert.equal((await s.idp.json('dcr', 'client', 'jwks', 'replace', 'bff-server', all)).keys.length, 1)
    assert.equal(await isLetIn(s.wire.url, 'bff-server', 'added', pem), false)
    assert.equal(await isLetIn(s.wire.url, 'bff-server', 'bff-sig-001', bff.key), true)
  })

  it('changes the secret of one that has one, with an overlap; a registration cannot do that itself', async () => {
    const asked = {
      client_id: 'shop',
      client_profile: 'code-flow-secret',
      redirect_uris: ['https://shop.example.com/cb'],
    }
    const reply = await fetch(`${s.wire.url}/api/oidc/register`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await s.iat()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...asked, grant_types: ['client_credentials', 'authorization_code'] }),
    })
    assert.equal(reply.status, 201)
    const shop = (await reply.json()) as Record<'client_secret' | 'registration_access_token', string>
    const patched = await fetch(`${s.wire.url}/api/oidc/register/shop`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${shop.registration_access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ client_secret: 'of my own choice' }),
    })
    assert.equal(patched.status, 400)

    const { code, stdout, stderr } = await s.idp.rekey('dcr', 'client', 'rotate-secret', 'shop', '--overlap', '1h')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^The old secret ends at /)
    const changed = stdout.trim()
    const token = (clientSecret: string) => s.idp.token({ clientId: 'shop', clientSecret })
    assert.deepEqual([await token(shop.client_secret), await token(changed)], [200, 200])
    const { client_secret: last } = await s.idp.json('dcr', 'client', 'rotate-secret', 'shop')
    assert.deepEqual([await token(changed), await token(last)], [401, 200])
    const none = await s.idp.rekey('dcr', 'client', 'rotate-secret', 'bff-server', '--json')
    assert.deepEqual([none.code, JSON.parse(none.stdout).code], [1, 'INVALID_CLIENT_METADATA'])
  })

  it('revokes an initial access token, by which nobody registers any more', async () => {
    const made = await s.idp.json('dcr', 'token', 'create', 'withdrawn', '--expires-in', '1h', '--max-usages', '5')
    assert.deepEqual([made.label, made.max_usages], ['withdrawn', 5])
    assert.match((await s.idp.rekey('dcr', 'token', 'list')).stdout, / withdrawn +expires in .* 0 of 5 /)
    await s.idp.json('dcr', 'token', 'revoke', made.id)
    const { code, stdout } = await s.service('late').start({ DCR_IAT: made.token })
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'IAT_REFUSED'])
    assert.match((await s.idp.rekey('dcr', 'token', 'list')).stdout, / withdrawn +revoked /)
  })

  it('removes one, which gets nothing any more', async () => {
    await s.idp.json('dcr', 'client', 'remove', 'bff-server')
    assert.equal(await isLetIn(s.wire.url, 'bff-server', 'bff-sig-001', bff.key), false)
    const { stdout } = await s.idp.rekey('dcr', 'client', 'show', 'bff-server')
    assert.match(stdout, /\nStatus +decommissioned\n.*\nRegistration access tokens\n {2}none\n$/s)
  })

  it('is told by help what stands in for an option that is not given, once, and each variable', async () => {
    const create = (await s.idp.rekey('dcr', 'token', 'create', '--help')).stdout.replace(/\s+/g, ' ')
    assert.match(create, /example 1h \(default: 24h\) --max-usages <number> how many [\w ]+ \(default: 1\) --profile/)
    const { stdout } = await s.idp.rekey('dcr', 'bootstrap', '--help')
    assert.match(stdout, /--key-algorithm <name> +RS256 or ES256, .*\s*\(DCR_KEY_ALG\)/)
    assert.match(stdout, /DCR_IAT_FILE/)
  })

  it('of a service that sends users nowhere is told to leave out its redirect URIs', async () => {
    const worker = s.service('worker', 'default')
    const { code, stdout } = await worker.start({ DCR_IAT: await s.iat() })
    const { code: reason, message } = JSON.parse(stdout)
    assert.deepEqual([code, reason], [4, 'METADATA_REFUSED'])
    assert.match(message, /leave them out, or register by a client_profile.*DCR_CLIENT_PROFILE.*DCR_REDIRECT_URIS/)
    const { outcome } = await worker.started({ DCR_IAT: await s.iat(), DCR_REDIRECT_URIS: '', DCR_KEY_ALG: 'ES256' })
    assert.equal(outcome, 'registered')
  })

  it('is told what is wrong by the code of its kind', async () => {
    const cases = [
      [['dcr', 'client', 'show', 'nobody'], 1, 'UNKNOWN_CLIENT'],
      [['dcr', 'client', 'renew-token', 'nobody'], 1, 'UNKNOWN_CLIENT'],
      [['dcr', 'client', 'show', '..'], 2, 'WRONG_USE'],
      [['dcr', 'token', 'revoke', 'none'], 1, 'UNKNOWN_INITIAL_ACCESS_TOKEN'],
      [['dcr', 'token', 'create', 'x', '--max-usages', '0'], 2, 'WRONG_USE'],
      [['dcr', 'token', 'create', 'x', '--expires-in', 'soon'], 2, 'WRONG_USE'],
      [['dcr', 'client', 'jwks', 'add', 'bff-server', '/nowhere/at/all'], 2, 'WRONG_USE'],
    ] as const
    for (const [words, code, reason] of cases) {
      const ran = await s.idp.rekey(...words, '--json')
      assert.deepEqual([ran.code, JSON.parse(ran.stdout).code], [code, reason], words.join(' '))
    }
  })
})
