import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { type Kysely, sql } from 'kysely'
import { eventually } from '../estate.ts'
import { anHourMs, iso, pathOf, settingOf } from './setting.ts'

describe('a rotation', { timeout: 60_000 }, () => {
  const setting = settingOf(2)
  const { credential, rotate, detail, accepted } = setting

  test('gives a new secret once; without an overlap the old one is dead everywhere when the reply is there', async () => {
    const old = await credential()
    assert.deepEqual(await accepted(old), [true, true])
    const { status, body, headers } = await rotate(old)
    assert.equal(status, 200)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.match(body.clientSecret, /^sk_live_[0-9a-f]{64}$/)
    assert.deepEqual(
      [body.credentialId, body.clientId, body.status, 'overlapEndsAt' in body],
      [old.credentialId, old.clientId, 'active', false],
    )
    assert.deepEqual(await accepted(old), [false, false])
    assert.deepEqual(await accepted(body), [true, true])
    const states = (await detail(old)).versions.map(({ state }: { state: string }) => state)
    assert.deepEqual(states, ['retired', 'active'])
  })

  test('with an overlap leaves both working', async () => {
    const old = await credential()
    const { body } = await rotate(old, { overlap: '1h' }, 1)
    assert.deepEqual(await accepted(old), [true, true])
    assert.deepEqual(await accepted(body), [true, true])
    const left = Date.parse(body.overlapEndsAt) - Date.now()
    assert.ok(Math.abs(left - anHourMs) < 60_000)
    const shown = await detail(old)
    assert.equal(shown.overlapEndsAt, body.overlapEndsAt)
    assert.equal(shown.versions[0].acceptedUntil, body.overlapEndsAt)
  })

  test('keeps the lifetime that the old version had, unless another is asked for', async () => {
    const old = await credential({ expiresAt: iso(Date.now() + anHourMs) })
    const kept = (await rotate(old)).body
    assert.ok(Math.abs(Date.parse(kept.expiresAt) - Date.now() - anHourMs) < 60_000)
    const expiresAt = iso(Date.now() + 2 * anHourMs)
    assert.equal((await rotate(old, { expiresAt })).body.expiresAt, expiresAt)
    assert.equal('expiresAt' in (await rotate(await credential())).body, false)
  })

  test('never goes beyond the last year that can be written', async () => {
    const last = '9999-12-31T23:59:59Z'
    for (const expiresAt of ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59-00:01', '1969-12-31T23:59:59Z']) {
      await assert.rejects(credential({ expiresAt }), /INVALID_REQUEST/)
    }
    const old = await credential({ expiresAt: last })
    const { status, body } = await rotate(old)
    assert.deepEqual([status, Date.parse(body.expiresAt)], [200, Date.parse(last)])
    assert.equal((await rotate(old, { expiresAt: '9999-12-31T23:59:59-23:59' })).status, 400)
    const { db } = setting.estate()
    const row = await db
      .selectFrom('credentials')
      .select('expires_at')
      .where('credential_id', '=', old.credentialId)
      .executeTakeFirst()
    assert.equal(row?.expires_at, Date.parse(last))
    assert.equal((await detail(old)).versions.length, 2)
  })

  test('that went beyond it once is shown all the same', async () => {
    const old = await credential()
    const beyond = Date.parse('+010021-01-01T00:00:00Z')
    await sql`UPDATE credentials SET expires_at = to_timestamp(${beyond / 1_000}),
      document = jsonb_set(document, '{versions,0,expiresAt}', ${String(beyond)}::jsonb)
      WHERE credential_id = ${old.credentialId}`.execute(setting.estate().db)
    assert.equal(Date.parse((await detail(old)).expiresAt), Date.parse('9999-12-31T23:59:59Z'))
    const all = pathOf(old).replace(/\/[^/]+$/, '')
    assert.equal((await setting.idp().manage('GET', all)).status, 200)
  })

  test('is refused when it says something that is not understood: a misspelt overlap would end a secret in use', async () => {
    const old = await credential()
    const { status, body } = await rotate(old, { overlp: '24h' })
    assert.deepEqual([status, body.code], [400, 'INVALID_REQUEST'])
    assert.deepEqual(await accepted(old), [true, true])
  })

  test('is refused where it could not do what it says', async () => {
    const old = await credential({ expiresAt: iso(Date.now() + anHourMs) })
    const wrong: object[] = [
      { expiresAt: '2001-01-01T00:00:00Z' },
      { expiresAt: iso(Date.now() + anHourMs), overlap: '2h' },
      { overlap: '2h' },
      { overlap: '30' },
      { overlap: 'soon' },
      { overlap: '-1h' },
      { expiresAt: 'tomorrow' },
      { jwk: { kty: 'EC' } },
    ]
    for (const body of wrong) {
      const reply = await rotate(old, body)
      assert.deepEqual([reply.status, reply.body.code], [400, 'INVALID_REQUEST'], JSON.stringify(body))
    }
    assert.deepEqual(await accepted(old), [true, true], 'nothing was done')
    const unknown = { ...old, credentialId: 'nobody' }
    assert.deepEqual([(await rotate(unknown)).status, (await rotate(unknown)).body.code], [404, 'UNKNOWN_CREDENTIAL'])
    const foreign = { ...(await credential()), credentialId: old.credentialId }
    assert.equal((await rotate(foreign)).body.code, 'UNKNOWN_CREDENTIAL', 'of another agent')
  })

  test('renews a credential that has expired, whose old version stays dead', async () => {
    const old = await credential({ expiresAt: iso(Date.now() + 1_000) })
    await eventually(
      () => detail(old),
      ({ status }) => status === 'expired',
    )
    assert.deepEqual(await accepted(old), [false, false])
    const { body } = await rotate(old, { expiresAt: iso(Date.now() + anHourMs), overlap: '10m' })
    assert.equal('overlapEndsAt' in body, false)
    assert.deepEqual(await accepted(old), [false, false])
    assert.deepEqual(await accepted(body), [true, true])
  })

  test('that begins while another is being made is refused, and its secret never existed', async () => {
    const old = await credential()
    const { db } = setting.estate()
    const both = await db.transaction().execute(async (transaction) => {
      // Both have read the credential, and wait to save it.
      await sql`SELECT FROM credentials WHERE credential_id = ${old.credentialId} FOR UPDATE`.execute(transaction)
      const replies = [rotate(old, { overlap: '1h' }, 0), rotate(old, { overlap: '1h' }, 1)]
      await eventually(
        () => waitingForLocks(db),
        (waiting) => waiting === 2,
      )
      return replies
    })
    const replies = (await Promise.all(both)).toSorted((a, b) => a.status - b.status)
    assert.deepEqual(
      replies.map(({ status, body }) => [status, body.code]),
      [
        [200, undefined],
        [409, 'CREDENTIAL_CHANGED'],
      ],
    )
    assert.deepEqual(await accepted(replies[0]?.body), [true, true])
    assert.deepEqual(await accepted(old), [true, true], 'in the overlap of the one that was made')
    assert.equal((await detail(old)).versions.length, 2)
    assert.equal((await setting.events(old)).filter(({ action }) => action === 'credential.rotated').length, 1)
  })

  test('cannot pile up versions that work at once', async () => {
    const old = await credential()
    for (let count = 1; count < 8; count += 1) assert.equal((await rotate(old, { overlap: '1h' })).status, 200)
    assert.deepEqual(await accepted(old), [true, true])
    const reply = await rotate(old, { overlap: '1h' })
    assert.deepEqual([reply.status, reply.body.code], [409, 'TOO_MANY_CREDENTIALS'])
    assert.equal((await rotate(old)).status, 200)
    assert.deepEqual(await accepted(old), [false, false], 'a rotation without an overlap ends all of them')
  })

  test('is an event of the audit, and a listing never shows a secret or its hash', async () => {
    const old = await credential()
    const { body } = await rotate(old, { overlap: '1h' })
    const events = await setting.events(old)
    assert.deepEqual(
      events.map(({ action, actor, organization_id: organization }) => [action, actor, organization]),
      [
        ['agent.created', 'admin-1', 'default'],
        ['credential.generated', 'admin-1', 'default'],
        ['credential.rotated', 'admin-1', 'default'],
      ],
    )
    assert.equal((events[2]?.details as { credentialId: string } | undefined)?.credentialId, old.credentialId)
    const path = pathOf(old)
    const list = await setting.idp().manage('GET', path.slice(0, path.lastIndexOf('/')))
    const told = JSON.stringify([list.body, await detail(old), events])
    for (const { clientSecret } of [old, body]) {
      const sha256 = createHash('sha256').update(clientSecret).digest()
      for (const text of [clientSecret, sha256.toString('hex'), sha256.toString('base64')]) {
        assert.equal(told.includes(text), false)
      }
      assert.equal((await setting.stored(old)).includes(clientSecret), false, 'nor does the database hold it')
    }
  })
})

async function waitingForLocks<Tables>(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT pid)::int AS count FROM pg_locks WHERE NOT granted
      AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`.execute(db)
  return rows[0]?.count ?? 0
}
