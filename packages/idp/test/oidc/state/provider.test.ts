import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Provider } from 'oidc-provider'
import { endOidcState } from '../../../src/oidc/state/end.ts'
import { type Estate, startEstate } from '../../estate.ts'
import { stateOf } from './setting.ts'

/** oidc-provider itself, on the state of two instances: what it writes down is what ours goes by. */
describe('the models of oidc-provider', { timeout: 60_000 }, () => {
  let estate: Estate
  let one: Provider
  let two: Provider
  before(async () => {
    estate = await startEstate()
    const client = { client_id: 'app', client_secret: 'x'.repeat(40), redirect_uris: ['https://app.example/cb'] }
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
    const configuration = {
      clients: [{ ...client, id_token_signed_response_alg: 'ES256' as const }],
      jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256' }] },
      cookies: { keys: ['k'] },
      features: { devInteractions: { enabled: false } },
      ttl: { Grant: 600, Session: 600, RefreshToken: 600 },
    }
    const made = () => new Provider('https://idp.example', { ...configuration, adapter: stateOf(estate).of })
    ;[one, two] = [made(), made()]
  })
  after(() => estate.stop())

  /** A user who logged in, and the refresh token of a client. */
  async function granted(accountId: string) {
    const session = Object.assign(new one.Session(), { accountId, loginTs: Math.floor(Date.now() / 1_000) })
    const grant = new one.Grant({ accountId, clientId: 'app' })
    grant.addOIDCScope('openid offline_access')
    const grantId = await grant.save()
    session.ensureClientContainer('app')
    session.grantIdFor('app', grantId)
    await session.save(600)
    const sid = session.sidFor('app') as string
    const client = (await one.Client.find('app')) as never
    const given = {
      accountId,
      client,
      grantId,
      gty: 'authorization_code',
      scope: 'openid',
      sid,
      sessionUid: session.uid,
    }
    const refresh = () => new one.RefreshToken({ ...given, expiresWithSession: true } as never).save()
    return { session, grantId, sid, token: await refresh(), refresh }
  }

  const sessionOf = ({ session }: Awaited<ReturnType<typeof granted>>) => two.Session.find(session.jti)

  test('are found by another instance, with all that they say', async () => {
    const mine = await granted('anna')
    assert.equal((await two.Session.findByUid(mine.session.uid))?.accountId, 'anna')
    assert.equal((await sessionOf(mine))?.grantIdFor('app'), mine.grantId)
    assert.equal((await two.Grant.find(mine.grantId))?.getOIDCScope(), 'openid offline_access')
    const found = await two.RefreshToken.find(mine.token)
    assert.deepEqual([found?.accountId, found?.sid, found?.isValid], ['anna', mine.sid, true])
  })

  test('are consumed by one of two instances', async () => {
    const mine = await granted('berta')
    const [here, there] = [await one.RefreshToken.find(mine.token), await two.RefreshToken.find(mine.token)]
    const outcomes = await Promise.allSettled([here?.consume(), there?.consume()])
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal(await two.Grant.find(mine.grantId), undefined)
  })

  test('go over to another id with their session, and end by what their tokens call it', async () => {
    const mine = await granted('carla')
    const before = mine.session.jti
    mine.session.resetIdentifier()
    await mine.session.save(600)
    assert.equal(await two.Session.find(before), undefined)
    assert.equal((await sessionOf(mine))?.accountId, 'carla')
    assert.ok(await two.RefreshToken.find(mine.token))
    await estate.db.transaction().execute((transaction) => endOidcState(transaction, { sid: mine.sid }))
    assert.equal(await sessionOf(mine), undefined)
    assert.equal(await two.RefreshToken.find(mine.token), undefined)
    await assert.rejects(mine.refresh(), { error: 'invalid_grant' })
    await mine.session.save(600)
    assert.equal(await sessionOf(mine), undefined)
  })

  test('end with their user', async () => {
    const [mine, other] = [await granted('dora'), await granted('emma')]
    await estate.db.transaction().execute((transaction) => endOidcState(transaction, { accountId: 'dora' }))
    assert.equal(await two.RefreshToken.find(mine.token), undefined)
    assert.ok(await two.RefreshToken.find(other.token))
  })
})
