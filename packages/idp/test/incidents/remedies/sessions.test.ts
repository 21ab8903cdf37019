import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Verifier } from '@rekey/verifier'
import { startApi, verdictOf } from '../../api.ts'
import { auditReader } from '../../audit/reading.ts'
import {
  admin,
  agent,
  basic,
  type Estate,
  eventually,
  reader,
  startEstate,
  type TestInstance,
  verifier,
} from '../../estate.ts'
import { kidIn, openIncident, remediesOf } from './estate.ts'

describe('the sessions of an incident', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let bearer: string
  let kid: string
  let api: Verifier
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
    bearer = await idp.management()
    kid = await kidIn(idp, bearer, 'active')
    api = await startApi(idp)
  })
  after(async () => {
    await api?.close()
    await estate.stop()
  })

  const end = (incident: string, idpThatIsAsked = idp) => remediesOf(idpThatIsAsked, bearer).post(incident, 'sessions')
  const tokenOf = async (client: typeof agent) => (await idp.token(client)).body.access_token
  const isAdmitted = async (token: string) =>
    (await idp.manage('GET', '/api/v1/keyrings', undefined, token)).status === 200
  const introspected = async (token: string) => {
    const headers = { authorization: basic(verifier) }
    const body = new URLSearchParams({ token })
    return (await other.call('/api/v1/token/introspect', { method: 'POST', headers, body })).body.active
  }
  /** As soon as the verifier has been told what was answered. */
  const verdicts = async ({ revision }: { revision: { n: number } }, tokens: string[]) => {
    await eventually(
      () => api.trust.revision?.n ?? 0,
      (n) => n >= revision.n,
    )
    return tokens.map((token) => verdictOf(api, token))
  }

  test('end by subject and by client: what was issued is refused, and what is issued then is good', async () => {
    await openIncident(estate, {
      incident: 'one',
      kid,
      sessions: [{ clientId: agent.clientId }, { sub: 'reader-1' }, { sid: 's' }],
    })
    const old = await tokenOf(agent)
    const opaque = await idp.management(reader)
    assert.ok(await isAdmitted(opaque))
    const { status, body } = await end('one')
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(
      body.entries.map((entry: object) => Object.keys(entry)),
      [
        ['client_id', 'issuedBefore'],
        ['sub', 'issuedBefore'],
        ['sid', 'expiresAt'],
      ],
    )
    assert.deepEqual(body.stores, [
      { name: 'deny-list', ended: null },
      { name: 'opaque-tokens', ended: 1 },
      { name: 'oidc-sessions', ended: 0 },
    ])
    assert.equal(await introspected(old), false)
    assert.ok(!(await isAdmitted(opaque)))
    const fresh = await tokenOf(agent)
    assert.equal(await introspected(fresh), true)
    assert.deepEqual(await verdicts(body, [old, fresh]), ['token_denied', 'ok'])
    assert.ok(await isAdmitted(await idp.management(reader)))
  })

  test('end as of the same moment when that is asked for again, by whichever instance', async () => {
    const fresh = await tokenOf(agent)
    const first = (await end('one')).body
    const again = (await end('one', other)).body
    assert.deepEqual(again.entries.slice(0, 2), first.entries.slice(0, 2))
    assert.deepEqual(again.stores, first.stores)
    assert.equal(await introspected(fresh), true)
  })

  test('end as of the same moment whatever somebody wrote down as what came of it', async () => {
    const { entries, stores } = (await end('one')).body
    const about = (what: string) => `/api/v1/incidents/one/${what}`
    await idp.manage('POST', about('claim'), { runner: 'mallory', seconds: 15 }, bearer)
    const written = { entries: [{ client_id: agent.clientId, issuedBefore: '2020-01-01T00:00:00Z' }], stores }
    for (const result of [written, {}, { entries: 'x' }, [null], 'x', 7]) {
      const wrote = await idp.manage('PUT', about('steps/sessions'), { runner: 'mallory', result }, bearer)
      assert.equal(wrote.status, 200)
      const { status, body } = await end('one', other)
      assert.deepEqual([status, body.entries.slice(0, 2)], [200, entries.slice(0, 2)], JSON.stringify(result))
      assert.deepEqual(body.stores, stores)
    }
  })

  test('end for all there are, but not the one by which this is asked for', async () => {
    await openIncident(estate, { incident: 'all', kid, sessions: [{ all: true }] })
    const old = await tokenOf(agent)
    const opaque = await idp.management(reader)
    const { status, body } = await end('all')
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.entries[0].iss, idp.url)
    assert.equal(await introspected(old), false)
    assert.equal(await introspected(opaque), false)
    assert.ok(!(await isAdmitted(opaque)))
    assert.ok(await isAdmitted(bearer))
    const fresh = await tokenOf(agent)
    assert.equal(await introspected(fresh), true)
    assert.deepEqual(await verdicts(body, [old, fresh]), ['token_denied', 'ok'])
    const listed = (await idp.manage('GET', '/api/v1/denied', undefined, bearer)).body.entries
    assert.deepEqual(
      listed.filter((entry: { iss?: string }) => entry.iss).map((entry: { iss: string }) => entry.iss),
      [idp.url],
    )
  })

  test('end as of the moment that the plan names', async () => {
    const issuedBefore = new Date(Date.now() - 3_000_000).toISOString()
    await openIncident(estate, { incident: 'before', kid, sessions: [{ sub: 'carol', issuedBefore }] })
    const { body } = await end('before')
    assert.deepEqual(body.entries, [{ sub: 'carol', issuedBefore }])
  })

  test('do not end where they are those of the client that asks', async () => {
    await openIncident(estate, { incident: 'self', kid, sessions: [{ sub: 'mallory' }, { clientId: admin.clientId }] })
    const { status, body } = await end('self')
    assert.deepEqual([status, body.code], [409, 'SELF_LOCK'])
    const { body: denied } = await idp.manage('GET', '/api/v1/denied', undefined, bearer)
    assert.ok(!JSON.stringify(denied).includes('mallory'))
    assert.ok(await isAdmitted(bearer))
  })

  test('are none where the plan names none', async () => {
    await openIncident(estate, { incident: 'none', kid })
    assert.deepEqual((await end('none')).body, { entries: [], stores: [] })
  })

  test('leave events that name the incident', async () => {
    const audit = await auditReader(idp)
    const events = await audit.until({ action: 'denied.added' }, 12)
    assert.deepEqual([...new Set(events.map(({ details }) => details.incident))].toSorted(), ['all', 'before', 'one'])
  })
})
