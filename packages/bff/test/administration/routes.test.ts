import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import { sql } from 'kysely'
import { adminToken, type BffEstate, bffEstate, browser, eventually, operate, type TestBff } from '../bff.ts'

const given = () => randomBytes(32).toString('base64')

async function started(t: TestContext, env: NodeJS.ProcessEnv = {}) {
  const estate = await bffEstate(t, { env })
  const bff = await estate.start()
  return { estate, bff }
}

/** A user who is logged in. */
async function loggedIn({ publicUrl }: BffEstate) {
  const user = browser()
  await user.go(`${publicUrl}/auth/login`)
  const { status } = await user.go(`${publicUrl}/auth/session`)
  assert.equal(status, 200)
  return user
}

const eventsOf = async ({ bff }: TestBff, action: string) =>
  (await bff.connection.db.selectFrom('audit_events').selectAll().where('action', '=', action).execute()).map(
    ({ actor, details }) => ({ actor, details }),
  )

/** The status, and the body. */
async function refusal(bff: TestBff, method: string, path: string, body?: object) {
  const reply = await fetch(`${bff.url}/internal${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, ...(body && { 'content-type': 'application/json' }) },
    body: body ? JSON.stringify(body) : null,
  })
  return { status: reply.status, body: (await reply.json()) as { code: string; message: string } }
}

describe('administration of keyrings', () => {
  it('shows all of them, and rotates one for who is then named in the audit', async (t) => {
    const { bff } = await started(t)
    const { keyrings } = await operate(bff, 'GET', '/keyrings')
    assert.deepEqual(
      keyrings.map(({ name }: { name: string }) => name),
      ['csrf', 'session', 'state', 'token-hash', 'ua-hash'],
    )
    const { revision } = await operate(bff, 'POST', '/keyrings/csrf/rotate', { reason: 'drill' })
    const [event] = await eventsOf(bff, 'keyring.rotation_requested')
    assert.deepEqual(event, {
      actor: 'bff-admin',
      details: { keyring: 'csrf', revision, forced: false, reason: 'drill' },
    })
  })

  it('refuses to make a secret for a keyring whose secrets are given, and says where another one is to be put', async (t) => {
    const { bff } = await started(t, { CSRF_SECRET_KEY: given() })
    for (const act of ['rotate', 'prepare']) {
      const { status, body } = await refusal(bff, 'POST', `/keyrings/csrf/${act}`)
      assert.deepEqual([status, body.code], [409, 'GIVEN_ELSEWHERE'])
      assert.match(body.message, /CSRF_SECRET_KEY/)
    }
    await operate(bff, 'POST', '/keyrings/session/rotate')
  })

  it('can revoke what is given', async (t) => {
    const { bff } = await started(t, { CSRF_SECRET_KEY: given() })
    const active = async () =>
      (await operate(bff, 'GET', '/keyrings/csrf')).versions.find(({ state }: { state: string }) => state === 'active')
        .id
    const id = await active()
    const { versions } = await operate(bff, 'POST', '/keyrings/csrf/revoke', {
      id,
      reason: 'stolen',
      incident: 'INC-1',
    })
    assert.equal(versions.find((version: { id: string }) => version.id === id).state, 'revoked')
    await eventually(active, (other) => other !== id)
  })

  it('knows no keys of a client that authenticates by a secret, and tells which secret works', async (t) => {
    const { bff, estate } = await started(t)
    const { status, body } = await refusal(bff, 'GET', '/keyrings/bff-client')
    assert.deepEqual([status, body.code], [404, 'UNKNOWN_KEYRING'])
    await loggedIn(estate)
    const shown = await operate(bff, 'GET', '/client')
    assert.deepEqual([shown.clientId, shown.method, shown.keys], ['bff', 'client_secret_basic', null])
    const [secret, ...others] = shown.secrets
    assert.deepEqual([secret.position, secret.isUsed, others], [0, true, []])
    assert.equal(JSON.stringify(shown).includes(String(estate.env.AUTH_CLIENT_SECRET)), false)
  })

  it('tells the instances, those too that are gone without a word', async (t) => {
    const { bff } = await started(t)
    const row = sql`INSERT INTO instances (id, address, applied, lease_until)
      VALUES ('gone', 'http://10.0.0.9:8000', 1, now() - interval '1 minute')`
    await row.execute(bff.bff.connection.db)
    const { instances } = await operate(bff, 'GET', '/instances')
    assert.deepEqual(
      instances.map(({ address, live }: { address: string; live: boolean }) => [new URL(address).port, live]),
      [
        [new URL(bff.url).port, true],
        ['8000', false],
      ],
    )
    assert.deepEqual(Object.keys(instances[0]).sort(), ['address', 'applied', 'id', 'leaseUntil', 'live', 'startedAt'])
    assert.ok(Date.parse(instances[0].leaseUntil) > Date.parse(instances[0].startedAt))
  })

  it('tells the root keys, and what hangs on them', async (t) => {
    const { bff } = await started(t)
    const { keys } = await operate(bff, 'GET', '/root-keys')
    assert.equal(keys.length, 1)
    assert.deepEqual([keys[0].sealing, keys[0].heldByAll, keys[0].keys], [true, true, 10])
  })
})

describe('the end of sessions', () => {
  it('is of all of them, of a user, of some, or of those begun before a moment', async (t) => {
    const { bff, estate } = await started(t)
    const { db } = bff.bff.connection
    const cases: ((sub: string, sid: string) => object)[] = [
      () => ({ all: true }),
      (sub) => ({ sub }),
      (_sub, sid) => ({ sids: [sid, 'another'] }),
      () => ({ issuedBefore: new Date(Date.now() + 60_000).toISOString() }),
      (sub) => ({ sub, issuedBefore: new Date(Date.now() + 60_000).toISOString() }),
    ]
    for (const bodyOf of cases) {
      const user = await loggedIn(estate)
      const row = await db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow()
      await db
        .updateTable('sessions')
        .set({ sid: row.sid ?? 'sid-of-the-test' })
        .execute()
      const body = bodyOf(row.sub, row.sid ?? 'sid-of-the-test')
      assert.deepEqual(await operate(bff, 'POST', '/sessions/end', body), { ended: 1 }, JSON.stringify(body))
      assert.equal((await user.go(`${estate.publicUrl}/auth/session`)).status, 401)
    }
  })

  it('leaves those that began after the moment, whosever they are', async (t) => {
    const { bff, estate } = await started(t)
    const user = await loggedIn(estate)
    const { sub } = await bff.bff.connection.db.selectFrom('sessions').select('sub').executeTakeFirstOrThrow()
    const issuedBefore = new Date(Date.now() - 60_000).toISOString()
    for (const whose of [{ all: true }, { sub }, { sids: ['x'] }, { sealedBy: ['y'] }, {}]) {
      assert.deepEqual(await operate(bff, 'POST', '/sessions/end', { ...whose, issuedBefore }), { ended: 0 })
    }
    assert.equal((await user.go(`${estate.publicUrl}/auth/session`)).status, 200)
  })

  it('says in the audit for which incident, and for whom', async (t) => {
    const { bff, estate } = await started(t)
    await loggedIn(estate)
    await operate(bff, 'POST', '/sessions/end', { all: true, incident: 'INC-7', actor: 'ops@idp' })
    const [event] = await eventsOf(bff, 'session.ended')
    assert.equal(event?.actor, 'ops@idp')
    assert.equal(event?.details.reason, 'incident INC-7')
  })

  it('is refused where nobody can tell which are meant', async (t) => {
    const { bff, estate } = await started(t)
    const user = await loggedIn(estate)
    const wrong = [
      {},
      { all: false },
      { all: true, sub: 'x' },
      { sids: [] },
      { everybody: true },
      { issuedBefore: 'now' },
    ]
    for (const body of wrong) {
      const { status, body: told } = await refusal(bff, 'POST', '/sessions/end', body)
      assert.deepEqual([status, told.code], [400, 'INVALID_REQUEST'], JSON.stringify(body))
    }
    assert.equal((await user.go(`${estate.publicUrl}/auth/session`)).status, 200)
  })
})
