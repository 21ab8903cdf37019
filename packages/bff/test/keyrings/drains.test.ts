import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { activeVersion, changeKeyring, decide, type Keyring, requestRevocation, requestRotation } from '@rekey/keyring'
import { watchDrains } from '../../src/keyrings/drains.ts'
import { evidenceFor, heldBy } from '../../src/keyrings/evidence.ts'
import type { OwnName } from '../../src/keyrings/own.ts'
import { type Replica, type Replicas, startReplicas } from './replica.ts'

const hourMs = 3_600_000
const minuteMs = 60_000
const by = { by: 'ops', reason: 'drill' }
const about = { action: 'test', actor: 'ops', details: {} }

describe('what hangs on a version', { timeout: 120_000 }, () => {
  let estate: Replicas
  let replica: Replica
  let endWatch: () => Promise<void>
  beforeEach(async () => {
    estate = await startReplicas()
    replica = await estate.replica({})
    endWatch = watchDrains({ ...replica, keyrings: replica.held })
  })
  afterEach(async () => {
    await endWatch()
    await estate.stop()
  })

  async function session(versions: { sealedBy: string; salt?: string; lifeMs?: number }): Promise<string> {
    const id = randomUUID()
    const row = {
      session_id: id,
      token_hash: randomBytes(32),
      salt_version: versions.salt ?? replica.held.salt('token-hash').active.id,
      sealed_by: versions.sealedBy,
      binding: randomBytes(32),
      ua_hash: randomBytes(32),
      ua_version: replica.held.salt('ua-hash').active.id,
      issuer: 'https://idp.example',
      sub: 'somebody',
      sealed_tokens: 's1.root.iv.body',
      access_expires_at: new Date(Date.now() + hourMs),
      created_at: new Date(),
      expires_at: new Date(Date.now() + (versions.lifeMs ?? hourMs)),
    }
    await estate.control.db.insertInto('sessions').values(row).execute()
    return id
  }
  const sessions = async () =>
    (await estate.control.db.selectFrom('sessions').select('session_id').execute()).map((row) => row.session_id)
  const activeOf = (name: 'session' | 'csrf') => replica.held.sealing(name).activeId
  const versionIn = ({ versions }: Keyring, id: string) => versions.find((version) => version.id === id)

  async function rotate(name: OwnName, from: string): Promise<void> {
    await changeKeyring(
      estate.store,
      name,
      (keyring, now) => requestRotation(keyring, { ...by, forced: false }, now),
      about,
    )
    await eventually(
      () => estate.document(name),
      (keyring) => activeVersion(keyring)?.id !== from && versionIn(keyring, from)?.demotedAt !== undefined,
    )
  }
  async function waitsFor(name: OwnName, id: string) {
    const keyring = await estate.document(name)
    const evidence = await evidenceFor(replica.connection.db, replica.view, keyring)
    const { waiting } = decide(keyring, evidence, await estate.store.now())
    return waiting.find((wait) => wait.id === id && wait.step === 'retire')
  }

  /** As if it had been seen earlier by that. */
  async function passed(name: OwnName, id: string, ms: number): Promise<void> {
    const earlier = (keyring: Keyring) => ({
      ...keyring,
      versions: keyring.versions.map((version) =>
        version.id === id && version.emptiedAt ? { ...version, emptiedAt: version.emptiedAt - ms } : version,
      ),
    })
    await changeKeyring(estate.store, name, earlier, about)
  }

  it('is how many live sessions it sealed, and when the last of them ends', async () => {
    const first = activeOf('session')
    await session({ sealedBy: first })
    await session({ sealedBy: first, lifeMs: 2 * hourMs })
    await session({ sealedBy: first, lifeMs: -1 })
    await session({ sealedBy: 'session-other' })
    const held = await heldBy(replica.connection.db, 'session')
    assert.deepEqual([held?.get(first)?.count, held?.get('session-other')?.count, held?.size], [2, 1, 2])
    const { held: counted, heldAt = 0 } = await evidenceFor(replica.connection.db, replica.view, { name: 'session' })
    assert.deepEqual(counted, held)
    assert.ok(heldAt <= (await estate.store.now()))
    await rotate('session', first)
    const wait = await waitsFor('session', first)
    assert.deepEqual([wait?.for, wait?.gate], [['2 live sessions'], 'drained'])
    assert.equal(wait?.opensAt, held?.get(first)?.until)
  })

  it('is how many hashes of tokens it salted', async () => {
    const { id: first } = replica.held.salt('token-hash').active
    await session({ sealedBy: 'session-other', salt: first })
    await rotate('token-hash', first)
    assert.deepEqual((await waitsFor('token-hash', first))?.for, ['1 stored hash'])
  })

  it('is not counted where it ends by the clock', async () => {
    for (const name of ['csrf', 'state', 'ua-hash', 'toString']) {
      assert.equal(await heldBy(replica.connection.db, name), undefined)
      const evidence = await evidenceFor(replica.connection.db, replica.view, { name })
      assert.deepEqual([evidence.verifiers, 'held' in evidence, evidence.instances.length], [[], false, 1])
    }
    const first = activeOf('csrf')
    await rotate('csrf', first)
    const wait = await waitsFor('csrf', first)
    const { policy, versions } = await estate.document('csrf')
    const demotedAt = versions.find(({ id }) => id === first)?.demotedAt ?? 0
    assert.equal(wait?.opensAt, demotedAt + policy.maxTokenTtlMs + policy.skewMs)
  })

  it('keeps it accepted, and no longer: then it is retired, long before all sessions could be over', async () => {
    const first = activeOf('session')
    const id = await session({ sealedBy: first })
    const text = replica.held.sealing('session').seal('test', 'plain')
    await rotate('session', first)
    // Its cookie was presented anew.
    const second = activeOf('session')
    assert.ok(replica.held.sealing('session').open('test', text).ok)
    assert.equal((await waitsFor('session', first))?.for[0], '1 live session')
    await estate.control.db.updateTable('sessions').set({ sealed_by: second }).where('session_id', '=', id).execute()
    const { emptiedAt = 0 } =
      versionIn(
        await eventually(
          () => estate.document('session'),
          (keyring) => versionIn(keyring, first)?.emptiedAt !== undefined,
        ),
        first,
      ) ?? {}
    assert.equal((await waitsFor('session', first))?.opensAt, emptiedAt + minuteMs / 2)
    assert.ok(replica.held.sealing('session').open('test', text).ok, 'a request that bears it may be under way')
    await passed('session', first, minuteMs)
    const retired = await eventually(
      () => estate.document('session'),
      (keyring) => versionIn(keyring, first)?.state === 'retired',
    )
    assert.equal(activeVersion(retired)?.id, second)
    assert.deepEqual(await sessions(), [id])
  })

  it('ends when it is revoked, and nothing else does', async () => {
    const first = activeOf('session')
    const [stolen, alsoStolen] = [await session({ sealedBy: first }), await session({ sealedBy: first })]
    await rotate('session', first)
    const good = await session({ sealedBy: activeOf('session') })
    assert.deepEqual((await sessions()).sort(), [stolen, alsoStolen, good].sort())
    await changeKeyring(estate.store, 'session', (keyring, now) => requestRevocation(keyring, first, by, now), about)
    assert.deepEqual(await eventually(sessions, (left) => left.length === 1), [good])
    const events = await estate.control.db
      .selectFrom('audit_events')
      .select('details')
      .where('action', '=', 'session.ended')
      .execute()
    assert.deepEqual(
      events.map(({ details }) => [details.count, details.selection]),
      [[2, { sealedBy: [first] }]],
    )
  })

  it('ends too when it was on its way while the version was revoked', async () => {
    const first = activeOf('session')
    await rotate('session', first)
    await changeKeyring(estate.store, 'session', (keyring, now) => requestRevocation(keyring, first, by, now), about)
    await eventually(
      () => replica.held.documents().get('session'),
      (keyring) => keyring !== undefined && versionIn(keyring, first)?.state === 'revoked',
    )
    await session({ sealedBy: first })
    assert.deepEqual(await eventually(sessions, (left) => left.length === 0), [])
  })

  it('ends once more when a restored backup brought it back, and the version is revoked once more', async () => {
    const first = activeOf('session')
    await rotate('session', first)
    const revokedAt = (agoMs: number) => (keyring: Keyring, now: number) => ({
      ...keyring,
      versions: keyring.versions.map((version) =>
        version.id === first ? { ...version, state: 'revoked' as const, revokedAt: now - agoMs } : version,
      ),
    })
    for (const agoMs of [2 * minuteMs, minuteMs]) {
      await session({ sealedBy: first })
      await changeKeyring(estate.store, 'session', revokedAt(agoMs), about)
      assert.deepEqual(await eventually(sessions, (left) => left.length === 0), [])
    }
  })
})
