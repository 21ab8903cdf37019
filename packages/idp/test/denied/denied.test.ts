import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { pruneDenied } from '../../src/denied/store.ts'
import { admin, apiProcess, type Estate, reader, startEstate, type TestInstance } from '../estate.ts'
import { openFeed } from '../trust/open-feed.ts'

const path = '/api/v1/denied'
const hourMs = 3_600_000

describe('denied tokens', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
  })
  after(() => estate.stop())

  const deny = (...entries: object[]) => idp.manage('POST', path, { entries })
  const allow = (...entries: object[]) => idp.manage('DELETE', path, { entries })
  const iso = (ms: number) => new Date(ms).toISOString()
  const now = Date.now()

  test('are told to every verifier by every instance, and taken back again', async () => {
    await using feed = await openFeed(other.url)
    const first = await feed.next()
    assert.deepEqual(first.data.denied, { add: [] })
    const issuedBefore = iso(now)
    const reply = await deny({ sub: 'alice', issuedBefore }, { jti: 'token-1' }, { sid: 'session-1' })
    assert.equal(reply.status, 200)
    const told = await feed.next()
    assert.equal(told.data.full, false)
    assert.ok(told.data.n > first.data.n)
    assert.deepEqual(told.data.denied, { add: sorted(reply.body.entries), drop: [] })
    assert.deepEqual(reply.body.entries[0], { sub: 'alice', issuedBefore })
    assert.deepEqual((await allow({ jti: 'token-1' })).body, { dropped: 1 })
    const back = (await feed.next()).data.denied
    assert.deepEqual([back?.add, back?.drop?.map((entry) => Object.keys(entry)[0])], [[], ['jti']])
    assert.deepEqual((await allow({ jti: 'token-1' })).body, { dropped: 0 })
    await using fresh = await openFeed(idp.url)
    assert.deepEqual(
      (await fresh.next()).data.denied?.add.map((entry) => Object.values(entry)[0]),
      ['session-1', 'alice'],
    )
  })

  test('cost a verifier its lease until it has been told', async () => {
    const api = apiProcess(idp, { instance: 'one' })
    await api.catchUp()
    await deny({ jti: 'token-2' })
    assert.equal((await api.ask()).leaseSeconds, 0)
    await api.catchUp()
    assert.equal((await api.ask()).leaseSeconds, 15)
    await api.goodbye()
  })

  test('end with the last token that they can match, which a time given can only make earlier', async () => {
    const { body } = await deny(
      { sub: 'bob', issuedBefore: iso(now - hourMs) },
      { jti: 'a' },
      { jti: 'b', expiresAt: iso(now + 60_000) },
    )
    const [, a, b] = body.entries
    // Tokens live for an hour here, and clocks may be 30 s apart.
    assert.ok(Math.abs(Date.parse(a.expiresAt) - (now + hourMs + 30_000)) < 60_000)
    assert.equal(b.expiresAt, iso(now + 60_000))
    await deny({ jti: 'c', expiresAt: iso(now - 301_000) }, { jti: 'just ended', expiresAt: iso(now - 200_000) })
    const listed = (await idp.manage('GET', path)).body.entries
    assert.equal(
      listed.some((entry: { jti?: string }) => entry.jti === 'c'),
      false,
    )
    await using feed = await openFeed(other.url)
    const told = JSON.stringify((await feed.next()).data.denied)
    assert.equal(told.includes('"c"'), false)
    // A verifier whose clock is behind, or that tolerates it, may take such a token for five minutes more.
    assert.ok(told.includes('"just ended"'))
  })

  test('of a subject count from the later of two moments', async () => {
    await deny({ sub: 'carol', issuedBefore: iso(now) })
    await deny({ sub: 'carol', issuedBefore: iso(now - hourMs / 2) })
    const listed = (await idp.manage('GET', path)).body.entries
    assert.deepEqual(
      listed.filter((entry: { sub?: string }) => entry.sub === 'carol'),
      [{ sub: 'carol', issuedBefore: iso(now) }],
    )
  })

  test('of a subject are none of a moment further ahead than tokens live', async () => {
    for (const kind of ['sub', 'client_id', 'iss']) {
      const refused = await deny({ jti: 'innocent' }, { [kind]: 'dave', issuedBefore: '2099-01-01T00:00:00Z' })
      assert.deepEqual([refused.status, refused.body.code], [400, 'INVALID_REQUEST'])
    }
    assert.doesNotMatch(JSON.stringify((await idp.manage('GET', path)).body), /innocent|dave/)
    assert.equal((await deny({ sub: 'dave', issuedBefore: iso(Date.now() + hourMs) })).status, 200)
  })

  test('never let the revision go backwards when what has ended is deleted', async () => {
    await deny({ jti: 'over', expiresAt: iso(now - 2 * hourMs) })
    await using before = await openFeed(idp.url)
    const { data } = await before.next()
    await pruneDenied(estate.db)
    const late = await estate.instance({ REKEY_ISSUER: idp.url })
    await using feed = await openFeed(late.url)
    assert.equal((await feed.next()).data.n, data.n)
    await late.close()
  })

  test('come in pages where they are many, of which the last one alone has the id', async () => {
    for (const half of [0, 1_000]) {
      await deny(...Array.from({ length: 1_000 }, (_, index) => ({ sid: `many-${half + index}` })))
    }
    await using feed = await openFeed(other.url)
    const events = [await feed.next()]
    while (events.at(-1)?.data.more) events.push(await feed.next())
    assert.ok(events.length >= 3)
    assert.deepEqual(
      events.map(({ id }) => id !== ''),
      events.map(({ data }) => !data.more),
    )
    const told = events.flatMap(({ data }) => data.denied?.add ?? [])
    assert.equal(new Set(told.map((entry) => Object.values(entry)[0])).size, told.length)
    assert.equal(told.length, (await idp.manage('GET', path)).body.entries.length)
    await deny({ jti: 'afterwards' })
    assert.equal((await feed.next()).data.denied?.add.length, 1)
  })

  test('are a matter of those who may write incidents, and are written down', async () => {
    assert.equal(
      (await idp.manage('POST', path, { entries: [{ jti: 'x' }] }, await idp.management(reader))).status,
      403,
    )
    const rows = await estate.db
      .selectFrom('audit_events')
      .select(['action', 'actor'])
      .where('action', 'like', 'denied.%')
      .execute()
    assert.deepEqual(
      new Set(rows.map(({ action, actor }) => `${action} by ${actor}`)),
      new Set([`denied.added by ${admin.clientId}`, `denied.dropped by ${admin.clientId}`]),
    )
  })

  for (const entry of [
    {},
    { kid: 'k' },
    { jti: '' },
    { jti: 'a', sid: 'b' },
    { sub: 's' },
    { sub: 's', issuedBefore: 'yesterday' },
    { sub: 's', issuedBefore: '2026-01-01T00:00:00' },
    { sub: 's', issuedBefore: '9999-12-31T23:59:59-05:00' },
    { sub: 's', issuedBefore: '0000-01-01T00:00:00+05:00' },
    { jti: 'a', expiresAt: '9999-12-31T23:59:59.999Z' },
    { jti: 7 },
    'x',
  ]) {
    test(`refuse ${JSON.stringify(entry)}, and then deny nothing of the same request`, async () => {
      const reply = await deny({ jti: 'innocent' }, entry as object)
      assert.deepEqual([reply.status, reply.body.code], [400, 'INVALID_REQUEST'])
      assert.equal(JSON.stringify((await idp.manage('GET', path)).body).includes('innocent'), false)
    })
  }
})

/** As the database sorts: by kind, then by value. */
function sorted(entries: object[]): object[] {
  const key = (entry: object) => `${Object.keys(entry)[0]}:${Object.values(entry)[0]}`
  return entries.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
}
