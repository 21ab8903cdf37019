import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { connect } from '@rekey/database'
import { type EventProof, type ListedEvent, verifyExport, verifyProof } from '@rekey/database/offline'
import { CompiledQuery } from 'kysely'
import { adminToken, type BffEstate, bffEstate, eventually, operate, type TestBff } from '../bff.ts'

async function started(t: TestContext) {
  const estate = await bffEstate(t)
  const bff = await estate.start()
  return { estate, bff }
}

/** @param token none where it is empty */
const ask = (bff: TestBff, path: string, token = adminToken) =>
  fetch(`${bff.url}/internal/audit${path}`, { headers: token === '' ? {} : { authorization: `Bearer ${token}` } })

const eventsOf = async (bff: TestBff, query = ''): Promise<ListedEvent[]> =>
  (await operate(bff, 'GET', `/audit${query}`)).events

/** Something that happened, with its place in the chain and under a checkpoint. */
async function rotated(bff: TestBff, keyring = 'csrf'): Promise<ListedEvent> {
  await operate(bff, 'POST', `/keyrings/${keyring}/rotate`, { reason: 'drill' })
  const [event] = await eventually(
    () => eventsOf(bff, '?action=keyring.rotation_requested'),
    ([newest]) => newest?.details.keyring === keyring,
  )
  assert.ok(event)
  await eventually(
    async () => (await (await ask(bff, '/checkpoint')).json()) as { size: number },
    ({ size }) => size >= event.seq,
  )
  return event
}

const exported = async (bff: TestBff) => (await ask(bff, '/export')).text()
const offline = (text: string, signer: string) => verifyExport(Readable.from([Buffer.from(text)]), { signer })

/** As the owner of the tables may, who takes the triggers away first. */
async function tamper({ database }: BffEstate, table: string, statement: string, values: unknown[]): Promise<void> {
  const owner = connect(database.ownerUrl, { max: 1 })
  await owner.db.transaction().execute(async (transaction) => {
    for (const [text, parameters] of [
      [`ALTER TABLE ${table} DISABLE TRIGGER USER`, []],
      [statement, values],
      [`ALTER TABLE ${table} ENABLE TRIGGER USER`, []],
    ] as const) {
      await transaction.executeQuery(CompiledQuery.raw(text, [...parameters]))
    }
  })
  await owner.close()
}

describe('the audit of the BFF', () => {
  it('is listed with filters, a page at a time, in a chain without a gap', async (t) => {
    const { bff } = await started(t)
    const event = await rotated(bff)
    assert.deepEqual(
      [event.actor, event.outcome, event.details.reason, 'organizationId' in event],
      ['bff-admin', 'success', 'drill', false],
    )
    const first = await operate(bff, 'GET', '/audit?order=oldest&limit=2')
    const rest = await operate(bff, 'GET', `/audit?order=oldest&limit=200&cursor=${first.nextCursor}`)
    const all: ListedEvent[] = [...first.events, ...rest.events]
    for (const [place, { seq, previousHash }] of all.entries()) {
      assert.deepEqual([seq, previousHash], [place + 1, all[place - 1]?.hash ?? '0'.repeat(64)])
    }
    assert.deepEqual(await eventsOf(bff, '?actor=nobody'), [])
    assert.deepEqual(await operate(bff, 'GET', `/audit/events/${event.id}`), event)
  })

  it('is verified by the instance, by a proof of one event, and by an export alone', async (t) => {
    const { bff } = await started(t)
    const event = await rotated(bff)
    const verdict = await operate(bff, 'GET', '/audit/verify')
    assert.deepEqual([verdict.verified, verdict.problems], [true, []])
    const { signer } = verdict
    const proof: EventProof = await operate(bff, 'GET', `/audit/events/${event.id}/proof`)
    assert.deepEqual([verifyProof(proof, signer), proof.seq], [{ verified: true, signer }, event.seq])
    const reply = await ask(bff, '/export')
    assert.deepEqual(
      [reply.headers.get('content-type'), reply.headers.get('cache-control')],
      ['application/x-ndjson', 'no-store'],
    )
    const text = await reply.text()
    assert.equal((await offline(text, signer)).verified, true)
    assert.equal((await offline(text.replace('"drill"', '"thief"'), signer)).verified, false)
    assert.equal((await offline(text, '0'.repeat(64))).verified, false)
  })

  it('is not verified with one changed row, which is named', async (t) => {
    const { estate, bff } = await started(t)
    const { id, seq } = await rotated(bff)
    await tamper(estate, 'audit_events', 'UPDATE audit_events SET actor = $1 WHERE id = $2', ['innocent', id])
    const verdict = await operate(bff, 'GET', '/audit/verify')
    assert.deepEqual([verdict.verified, verdict.brokenAt, verdict.brokenAtEventId], [false, seq, id])
    assert.deepEqual(
      verdict.problems.map(({ code }: { code: string }) => code),
      ['event-changed'],
    )
    assert.match(await (await fetch(`${bff.url}/metrics`)).text(), /^agentidp_audit_chain_integrity 0$/m)
    assert.equal((await operate(bff, 'GET', '/audit/checkpoint')).integrity, false)
  })

  it('is exported with a changed link of the chain as it stands there, and not verified anywhere', async (t) => {
    const { estate, bff } = await started(t)
    const { signer } = await operate(bff, 'GET', '/audit/verify')
    const { seq } = await rotated(bff)
    const change = `UPDATE audit_chain SET text = replace(text, 'drill', 'thief') WHERE seq = $1`
    await tamper(estate, 'audit_chain', change, [seq])
    assert.equal((await operate(bff, 'GET', '/audit/verify')).brokenAt, seq)
    const { verified, brokenAt } = await offline(await exported(bff), signer)
    assert.deepEqual([verified, brokenAt], [false, seq])
  })

  it('has no event that is not there', async (t) => {
    const { bff } = await started(t)
    const unknown = '00000000-0000-4000-8000-000000000000'
    for (const [path, status, code] of [
      [`/events/${unknown}`, 404, 'UNKNOWN_EVENT'],
      [`/events/${unknown}/proof`, 404, 'UNKNOWN_EVENT'],
      ['/events/x', 400, 'INVALID_REQUEST'],
      ['?cursor=x', 400, 'INVALID_REQUEST'],
      ['?from=yesterday', 400, 'INVALID_REQUEST'],
    ] as const) {
      const reply = await ask(bff, path)
      assert.deepEqual([path, reply.status, ((await reply.json()) as { code: string }).code], [path, status, code])
    }
  })

  it('is read by whoever has audit:read of the identity provider, and by no other token', async (t) => {
    const { estate, bff } = await started(t)
    const event = await rotated(bff)
    let scope = 'keyrings:read keyrings:write incidents:write links:write'
    estate.provider.intercept = (_request, endpoint) =>
      endpoint === 'introspection'
        ? { status: 200, body: JSON.stringify({ active: true, client_id: 'ops', scope }) }
        : undefined
    const token = `rkt_${randomBytes(32).toString('base64url')}`
    const paths = ['', '/verify', '/checkpoint', '/export', `/events/${event.id}`, `/events/${event.id}/proof`]
    const told = (given: string) =>
      Promise.all(
        paths.map(async (path) => {
          const reply = await ask(bff, path, given)
          return [path, reply.status, reply.ok || JSON.parse(await reply.text()).code]
        }),
      )
    const each = (status: number, code: unknown) => paths.map((path) => [path, status, code])
    assert.deepEqual(await told(''), each(401, 'NOT_AUTHENTICATED'))
    assert.deepEqual(await told('not-a-token-of-anybody'), each(401, 'NOT_AUTHENTICATED'))
    assert.deepEqual(await told(token), each(403, 'INSUFFICIENT_SCOPE'))
    scope = 'audit:read'
    assert.deepEqual(await told(token), each(200, true))
  })
})
