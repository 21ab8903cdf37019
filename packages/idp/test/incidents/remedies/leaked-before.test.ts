import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { plan } from '@rekey/breakglass'
import { addRootKey, rootIdOf } from '@rekey/database'
import { inspectPlan } from '../../../src/incidents/remedies/inspect.ts'
import { probeRecord } from '../../../src/incidents/remedies/probes.ts'
import { tendProbes } from '../../../src/incidents/remedies/stored-probes.ts'
import { recordOf as stateRecordOf } from '../../../src/oidc/state/sealed.ts'
import { recordOf } from '../../../src/registration/access-tokens/renew.ts'
import { sha256 } from '../../../src/sha256.ts'
import { agent, type TestInstance } from '../../estate.ts'
import { registerClient } from '../../registration/client.ts'
import { oldKey, rootKeys, sealingAfter, startKeyedEstate } from '../../root-keys/setting.ts'
import { kidIn, openIncident, remediesOf, signing } from './estate.ts'

const day = 86_400_000

// The root key had been changed before anything leaked, so that both were in the file when it was read.
describe('a store that leaked when its newest root key was in use already', { timeout: 180_000 }, () => {
  let setting: Awaited<ReturnType<typeof startKeyedEstate>>
  let idp: TestInstance
  let bearer: string
  let kid: string
  let second: string
  let credentialId: string
  const both = addRootKey(oldKey)
  before(async () => {
    setting = await startKeyedEstate()
    idp = await setting.start('one', oldKey)
    bearer = await idp.management()
    kid = await kidIn(idp, bearer, 'active')
    const [first] = await rootKeys(idp, bearer)
    await setting.write('one', both)
    second = await sealingAfter(idp, first?.id ?? '', bearer)
    await idp.manage('POST', `/api/v1/keyrings/${signing}/prepare`, undefined, bearer)
    const made = await idp.call(`/api/v1/agents/${agent.clientId}/credentials`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', 'idempotency-key': 'one' },
      body: '{}',
    })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    credentialId = made.body.credentialId
    await openIncident(setting.estate, { incident: 'INC-1', kid, suspectStore: true })
  })
  after(() => setting.stop())

  const post = (what: string, body?: unknown) => remediesOf(idp, bearer).post('INC-1', what, body)
  const instance = () => idp.idp.instance
  const rememberMany = (count: number) => {
    const rows = Array.from({ length: count }, (_, n) => {
      const id_hash = sha256(`many-${n}`)
      const sealed = instance().sealer.seal(stateRecordOf('AccessToken', id_hash), Buffer.from('{}'))
      return { model: 'AccessToken', id_hash, sealed, expires_at: new Date(Date.now() + day) }
    })
    return setting.estate.db.insertInto('oidc_state').values(rows).execute()
  }
  const rootsOfLogins = async () => {
    const rows = await setting.estate.db.selectFrom('oidc_state').select('sealed').execute()
    return [...new Set(rows.map(({ sealed }) => rootIdOf(sealed ?? '')))]
  }
  const replies = async () =>
    (await setting.estate.db.selectFrom('idempotent_replies').select('sealed_reply').execute()).length

  test('tells which secrets lay in it, because nothing else replaces them', async () => {
    const warnings = async (suspectStore: boolean) => {
      const asked = plan.parse({ incident: 'INC', reason: 'drill', kid, suspectStore })
      return (await inspectPlan(instance(), asked, { clientId: 'admin-1' })).warnings.join('\n')
    }
    assert.match(await warnings(true), new RegExp(`may have lain in the store.*${agent.clientId}/${credentialId}`))
    assert.equal((await warnings(false)).includes(credentialId), false)
  })

  test('tells of secrets that lie in it for longer: of registrations a day, of those that sign or renewed until they are used', async () => {
    const wish = { profile: 'code-flow-secret', redirect_uris: ['https://app.example/callback'] }
    const registered = await registerClient(idp, wish)
    const signs = await registerClient(idp, { ...wish, token_endpoint_auth_method: 'client_secret_jwt' })
    const renewing = await registerClient(idp)
    const sealed = instance().sealer.seal(recordOf(renewing.clientId), Buffer.from('rkr_pending'))
    const pending = { token_hash: sha256('pending'), client_id: renewing.clientId, state: 'pending' as const }
    const { db } = setting.estate
    const expires_at = new Date(Date.now() + day)
    await db
      .insertInto('registration_access_tokens')
      .values({ ...pending, expires_at, sealed_token: sealed })
      .execute()
    const named = async (later: number, more: object = {}) => {
      const since = new Date(Date.now() + later).toISOString()
      const asked = plan.parse({ incident: 'INC', reason: 'drill', kid, suspectStore: true, since, ...more })
      const { warnings } = await inspectPlan(instance(), asked, { clientId: 'admin-1' })
      const about = (what: RegExp) => warnings.find((text) => what.test(text)) ?? ''
      return { secrets: about(/^The secrets/), tokens: about(/^The registration access/), logins: about(/^Logins/) }
    }
    const all = [registered, signs, renewing].map(({ clientId }) => clientId)
    const within = (text: string) => all.map((clientId) => text.includes(clientId))

    const soon = await named(day - 60_000)
    assert.deepEqual(
      [within(soon.secrets), within(soon.tokens)],
      [
        [true, true, false],
        [true, true, true],
      ],
    )
    const late = await named(day + 60_000)
    assert.deepEqual(
      [within(late.secrets), within(late.tokens)],
      [
        [false, true, false],
        [false, false, true],
      ],
    )
    assert.match(late.logins, /end all sessions/)
    assert.equal((await named(0, { sessions: [{ all: true }] })).logins, '')
    assert.doesNotMatch(JSON.stringify([soon, late]), new RegExp(`${registered.secret}|${registered.rat}`))
  })

  test('is not mended by what that root key sealed before: it says what to do', async () => {
    await post('freeze')
    for (const what of ['promote', 'revoke']) {
      const { status, body } = await post(what)
      assert.deepEqual([status, body.code], [409, 'ROOT_KEY_NOT_REPLACED'])
      assert.match(body.message, /had sealed keys before this incident.*rekey root-key add/)
    }
    assert.equal(await kidIn(idp, bearer, 'active'), kid)
    assert.equal(await replies(), 1)
  })

  test('is mended by a root key that came after, and what lay there to be given once more is gone', async () => {
    await rememberMany(5_100)
    assert.deepEqual(await rootsOfLogins(), [second])
    await setting.write('one', addRootKey(both))
    const third = await sealingAfter(idp, second, bearer)
    const { status, body } = await post('promote')
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(await replies(), 0)
    assert.equal((await post('revoke')).status, 200)
    assert.deepEqual(await rootsOfLogins(), [third], 'all of them, though they are more than one pass seals')
    for (const [state, id] of await setting.seals(signing)) {
      if (state === 'active' || state === 'prepared') assert.equal(id, third)
    }
    // What was made since is not what leaked.
    assert.equal((await post('promote')).status, 200)
  })

  test('leaves no probe that needs an old root key: it is sealed anew while it is good, and then deleted', async () => {
    const { connection, sealer } = instance()
    const { db } = connection
    const write = (expiresAt: string) => {
      const text = JSON.stringify({ token: 'a.b.c', kid, jti: 'x', expiresAt })
      const sealed = sealer.seal(probeRecord('INC-1'), Buffer.from(text))
      return db.updateTable('incidents').set({ sealed_probe: sealed }).execute()
    }
    const stored = async () =>
      (await db.selectFrom('incidents').select('sealed_probe').executeTakeFirst())?.sealed_probe
    await write(new Date(Date.now() + 60_000).toISOString())
    const [newest] = await rootKeys(idp, bearer)
    await setting.write('one', addRootKey(await setting.read('one')))
    const fourth = await sealingAfter(idp, newest?.id ?? '', bearer)
    assert.equal(rootIdOf((await stored()) ?? ''), newest?.id)
    await tendProbes(db, sealer, fourth)
    const resealed = (await stored()) ?? ''
    assert.equal(rootIdOf(resealed), fourth)
    assert.equal(JSON.parse(sealer.open(probeRecord('INC-1'), resealed).toString()).token, 'a.b.c')

    await write(new Date(Date.now() - 60_000).toISOString())
    await tendProbes(db, sealer, fourth)
    assert.equal(rootIdOf((await stored()) ?? ''), fourth, 'none expires so soon, and it need not be opened')
    await db
      .updateTable('incidents')
      .set({ opened_at: new Date(Date.now() - 40 * 86_400_000) })
      .execute()
    await tendProbes(db, sealer, fourth)
    assert.equal(await stored(), null)
  })
})
