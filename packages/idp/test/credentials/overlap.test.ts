import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { eventually } from '../estate.ts'
import { anHourMs, settingOf, type TestCredential } from './setting.ts'

describe('an overlap', { timeout: 60_000 }, () => {
  const setting = settingOf(2, { REKEY_CREDENTIAL_QUIET: '1h' })
  const { credential, rotate, detail, accepted } = setting

  const stateOf = async (of: TestCredential) => (await detail(of)).versions[0].state
  const flush = () => Promise.all([0, 1].map((number) => setting.idp(number).idp.instance.uses.flush()))
  /** As if that much time had passed since the rotation, and since all that is known of the credential's use. */
  async function pass(of: TestCredential, interval: string): Promise<void> {
    const { db } = setting.estate()
    await sql`UPDATE credential_uses SET first_at = first_at - ${interval}::interval,
      last_at = last_at - ${interval}::interval WHERE credential_id = ${of.credentialId}`.execute(db)
    await sql`UPDATE credentials SET document = jsonb_set(document, '{versions,0,retiringAt}',
      to_jsonb((document #>> '{versions,0,retiringAt}')::numeric - extract(epoch FROM ${interval}::interval) * 1000))
      WHERE credential_id = ${of.credentialId}`.execute(db)
  }
  /** Has the loop look at it, and waits until it has put off the next time. */
  async function lookedAt(of: TestCredential): Promise<number> {
    const { db } = setting.estate()
    await sql`UPDATE credentials SET next_decision_at = now() WHERE credential_id = ${of.credentialId}`.execute(db)
    return eventually(
      () => dueAt(of),
      (at) => at === 0 || at > Date.now() + 60_000,
    )
  }

  test('ends at its time, although nothing writes that down', async () => {
    const old = await credential()
    const { db } = setting.estate()
    const { body } = await rotate(old, { overlap: '1s' })
    // No loop can save it: the row is locked for as long as it is looked at.
    await db.transaction().execute(async (transaction) => {
      await sql`SELECT FROM credentials WHERE credential_id = ${old.credentialId} FOR UPDATE`.execute(transaction)
      assert.deepEqual(await accepted(old), [true, true])
      await eventually(
        () => accepted(old),
        (answers) => answers.every((answer) => !answer),
      )
      assert.ok(Date.now() >= Date.parse(body.overlapEndsAt))
      assert.equal(await stateOf(old), 'retiring')
    })
    assert.deepEqual(await accepted(body), [true, true])
    await eventually(
      () => stateOf(old),
      (state) => state === 'retired',
    )
    const last = (await setting.events(old)).at(-1)
    assert.deepEqual([last?.action, last?.actor], ['credential.retired', 'rekey'])
  })

  test('ends before its time when the new secret was used, and the old one was not for the quiet time', async () => {
    const old = await credential()
    assert.deepEqual(await accepted(old), [true, true])
    const { body } = await rotate(old, { overlap: '24h' })
    await flush()
    await pass(old, '2 hours')
    await lookedAt(old)
    assert.equal(await stateOf(old), 'retiring', 'nobody was seen with the new one')
    assert.deepEqual(await accepted(body), [true, true])
    await flush()
    await lookedAt(old)
    assert.equal(await stateOf(old), 'retired')
    assert.deepEqual(await accepted(old), [false, false])
    assert.deepEqual(await accepted(body), [true, true])
  })

  test('goes on while the old secret is used, and says so', async () => {
    const old = await credential()
    const { body } = await rotate(old, { overlap: '24h' })
    await accepted(body)
    await flush()
    await pass(old, '2 hours')
    assert.deepEqual(await accepted(old), [true, true])
    await flush()
    await lookedAt(old)
    const { versions, waiting } = await detail(old)
    assert.equal(versions[0].state, 'retiring')
    assert.deepEqual(
      waiting.map(({ step, version, gate, for: parties }: Record<string, unknown>) => [step, version, gate, parties]),
      [['retire', versions[0].id, 'drained', [`${versions[0].id} not to be seen for 1h`]]],
    )
  })

  test('is looked at again only when it can make a difference, and by itself within the hour', async () => {
    const old = await credential()
    await rotate(old, { overlap: '24h' })
    assert.ok((await lookedAt(old)) <= Date.now() + anHourMs + 60_000)
  })

  test('of a suspended agent helps nobody, and goes on when the agent is active again', async () => {
    const old = await credential()
    const { body } = await rotate(old, { overlap: '1h' })
    const agent = `/api/v1/agents/${old.clientId}`
    assert.equal((await setting.idp().manage('POST', `${agent}/suspend`)).status, 200)
    for (const each of [old, body]) assert.deepEqual(await accepted(each), [false, false])
    const again = await rotate(old, { overlap: '1h' })
    assert.equal(again.status, 200, 'a suspended agent can be given a good secret')
    assert.equal((await setting.idp().manage('POST', `${agent}/reactivate`)).status, 200)
    for (const each of [old, body, again.body]) assert.deepEqual(await accepted(each), [true, true])
  })

  test('is 90 days at most: more is refused, and nothing is changed', async () => {
    const old = await credential()
    const { status, body } = await rotate(old, { overlap: '2161h' })
    assert.deepEqual([status, body.code], [400, 'INVALID_REQUEST'])
    assert.match(body.message, /at most 90 days/)
    assert.equal((await detail(old)).versions.length, 1)
    assert.equal((await rotate(old, { overlap: '90d' })).status, 200)
  })

  async function dueAt({ credentialId }: TestCredential): Promise<number> {
    const row = await setting
      .estate()
      .db.selectFrom('credentials')
      .select('next_decision_at')
      .where('credential_id', '=', credentialId)
      .executeTakeFirstOrThrow()
    return row.next_decision_at ?? 0
  }
})
