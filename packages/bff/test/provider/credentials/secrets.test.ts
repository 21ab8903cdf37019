import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { storedSightings } from '../../../src/provider/credentials/sightings.ts'
import { startProvider, type TestProvider } from '../../provider.ts'
import { underLoad } from '../load.ts'
import { clientId, logIn, type Setting, setting, type TestOpen, withSecret } from '../setting.ts'

const unavailable = { code: 'IDP_UNAVAILABLE' }
const hour = 3_600_000

describe('client secrets', () => {
  let idp: TestProvider
  let at: Setting
  before(async () => {
    idp = await startProvider()
  })
  after(() => idp.close())
  beforeEach(async () => {
    at = await setting()
    await withSecret(idp, 'old')
  })
  afterEach(() => at.close())

  const env = (secret: string) => ({ IDP_BASE_URL: idp.issuer, AUTH_CLIENT_ID: clientId, AUTH_CLIENT_SECRET: secret })
  const fromFile = async (text: string) => {
    await at.write('oidc-client-secret', text)
    return at.open(env(`file:${at.path('oidc-client-secret')}`))
  }
  const used = async (provider: TestOpen) => (await provider.client()).secrets.find(({ isUsed }) => isUsed)?.position
  const refusals = () => at.lines.filter((line) => line.includes('does not accept this client secret')).length

  const load = (providers: readonly TestOpen[]) =>
    underLoad(providers, async (provider) => async () => {
      await provider.introspect('any')
      await logIn(provider)
    })

  it('the newest is tried first, the others at once, and what is accepted first from then on', async () => {
    const provider = await at.open(env('new,old,older'))
    await logIn(provider)
    assert.equal(await used(provider), 1)
    const refused = refusals()
    await logIn(provider)
    assert.equal(refusals(), refused, 'what is accepted goes first')
  })

  it('change here first and then at the provider, and no request fails', async () => {
    const [one, two] = await Promise.all([fromFile('old'), fromFile('old')])
    const working = load([one, two])
    await working.more()
    await at.write('oidc-client-secret', 'new\nold')
    await eventually(
      async () => (await one.client()).secrets.length,
      (length) => length === 2,
    )
    await working.more()
    idp.setSecrets(clientId, ['new'])
    await working.more()
    assert.deepEqual([await used(one), await used(two)], [0, 0])
    await working.stop()
  })

  it('change at the provider first, with an overlap there, and no request fails', async () => {
    const [one, two] = await Promise.all([fromFile('old'), fromFile('old')])
    const working = load([one, two])
    await working.more()
    idp.setSecrets(clientId, ['new', 'old'])
    await working.more()
    await at.write('oidc-client-secret', 'new')
    await eventually(
      () => Promise.all([used(one), used(two)]),
      (positions) => positions.every((at) => at === 0),
    )
    idp.setSecrets(clientId, ['new'])
    await working.more()
    await working.stop()
  })

  it('change at the provider without an overlap a moment before the file, and no request fails', async () => {
    const provider = await fromFile('old')
    await logIn(provider)
    idp.setSecrets(clientId, ['new'])
    const asked = provider.introspect('any')
    await at.write('oidc-client-secret', 'new')
    assert.deepEqual(await asked, { active: false })
  })

  it('change back before the provider did, and no request fails', async () => {
    const provider = await fromFile('new,old')
    idp.setSecrets(clientId, ['new'])
    await logIn(provider)
    at.clock.ahead = 25 * hour
    await at.write('oidc-client-secret', 'old,new')
    await eventually(
      async () => (await provider.client()).secrets[0]?.firstWorkedAt,
      (at) => at === undefined,
    )
    await provider.introspect('any')
    idp.setSecrets(clientId, ['old'])
    await provider.introspect('any')
  })

  it('an older one is not tried when the overlap after a newer one is over, by any replica', async () => {
    const provider = await at.open(env('new,old'))
    await logIn(provider)
    idp.setSecrets(clientId, ['new'])
    await logIn(provider)
    const [, older] = (await provider.client()).secrets
    assert.ok((older?.triedUntil ?? 0) > Date.now() + 23 * hour)
    at.clock.ahead = 23 * hour
    idp.setSecrets(clientId, ['old'])
    assert.deepEqual(await provider.introspect('any'), { active: false })

    idp.setSecrets(clientId, ['new'])
    await provider.introspect('any')
    await eventually(
      () => at.db.selectFrom('client_secrets').selectAll().execute(),
      (rows) => rows.length === 2,
    )
    at.clock.ahead = 48 * hour
    const started = await at.open(env('new,old'))
    idp.setSecrets(clientId, ['old'])
    for (const replica of [provider, started]) {
      const before = idp.count('introspection')
      await assert.rejects(replica.introspect('any'), unavailable)
      assert.equal(idp.count('introspection'), before + 1, 'the newer one, once')
    }
  })

  it('a replica that starts begins with what others saw accepted', async () => {
    const first = await at.open(env('new,old'))
    await logIn(first)
    await eventually(
      () => at.db.selectFrom('client_secrets').selectAll().execute(),
      (rows) => rows.length === 1,
    )
    const second = await at.open(env('new,old'))
    assert.equal(await used(second), 1)
  })

  it('none is said to be in use while the provider accepts none', async () => {
    const provider = await fromFile('old')
    await logIn(provider)
    assert.equal(await used(provider), 0)
    idp.setSecrets(clientId, ['another'])
    await assert.rejects(provider.introspect('any'), unavailable)
    assert.equal(await used(provider), undefined)
    idp.setSecrets(clientId, ['old'])
    await logIn(provider)
    assert.equal(await used(provider), 0)
  })

  it('are in the audit when another one takes over, once, whichever replica sees so', async () => {
    const recorded = async () => {
      const events = await at.db.selectFrom('audit_events').selectAll().orderBy('inserted').execute()
      return events
        .filter(({ action }) => action === 'client_secret.activated')
        .map(({ details: { clientId: of, fingerprint, replaces } }) => ({ of, fingerprint, replaces }))
    }
    const replicas = await Promise.all([at.open(env('new,old')), at.open(env('new,old'))])
    const seenBy = (position: number) => async (replica: TestOpen) => {
      await replica.introspect('any')
      assert.equal(await used(replica), position)
    }
    await Promise.all(replicas.map(seenBy(1)))
    idp.setSecrets(clientId, ['new'])
    await Promise.all(replicas.map(seenBy(0)))
    // What was seen is written down by then.
    await Promise.all(replicas.map((replica) => replica.close()))
    const [first] = replicas
    const [newer, older] = (await first.client()).secrets.map(({ fingerprint }) => fingerprint)
    assert.deepEqual(await recorded(), [
      { of: clientId, fingerprint: older, replaces: undefined },
      { of: clientId, fingerprint: newer, replaces: older },
    ])
  })

  it('what a replica tells late takes the place of nothing that came after it', async () => {
    const sightings = storedSightings({ db: at.db })
    const [old, newer] = ['0'.repeat(16), '1'.repeat(16)]
    const { tookOverAt } = await sightings.tookOver(clientId, old, () => 60_000)
    await sightings.tookOver(clientId, newer, () => 30_000)
    assert.equal((await sightings.tookOver(clientId, old, () => 45_000)).tookOverAt, tookOverAt)
    assert.ok((await sightings.tookOver(clientId, old, () => 0)).tookOverAt > tookOverAt + 30_000)
    const events = at.db.selectFrom('audit_events').select('details').where('action', '=', 'client_secret.activated')
    assert.deepEqual(
      (await events.orderBy('inserted').execute()).map(({ details: { fingerprint, replaces } }) => [
        fingerprint,
        replaces,
      ]),
      [
        [old, undefined],
        [newer, old],
        [old, newer],
      ],
    )
  })

  it('serve although the database is away', async () => {
    const provider = await at.open(env('new,old'))
    await at.database.reachable(false)
    try {
      await logIn(provider)
      assert.equal(await used(provider), 1)
    } finally {
      await at.database.reachable(true)
    }
  })

  it('are found nowhere: in no line of the log, and not in the database', async () => {
    await withSecret(idp, 'a-secret-of-the-client')
    const provider = await at.open(env('another-secret-of-it,a-secret-of-the-client'))
    await logIn(provider)
    const rows = await eventually(
      () => at.db.selectFrom('client_secrets').selectAll().execute(),
      (all) => all.length > 0,
    )
    const events = await at.db.selectFrom('audit_events').selectAll().execute()
    assert.ok(events.length > 0)
    assert.doesNotMatch(JSON.stringify([rows, events]) + at.lines.join(), /secret-of/)
  })

  it('are asked for by whoever starts it without one', async () => {
    await assert.rejects(
      at.open({ IDP_BASE_URL: idp.issuer, AUTH_CLIENT_ID: clientId, MS_BFF_TOKEN_AUTH_METHOD: 'client_secret_post' }),
      { code: 'CONFIG_INVALID' },
    )
    await assert.rejects(at.open({ ...env('one'), OIDC_CLIENT_SECRET: 'two' }), { code: 'CONFIG_INVALID' })
    await assert.rejects(at.open(env(`file:${at.path('nothing')}`)), { code: 'CONFIG_INVALID' })
    const { AUTH_CLIENT_SECRET: secret, ...rest } = env('old')
    await logIn(await at.open({ ...rest, OIDC_CLIENT_SECRET: secret }))
  })
})
