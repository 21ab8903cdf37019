/** Whatever a keyring has been through: what SQL writes into its document is what the loop goes on by. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Connection, connect, databaseKeyringStore } from '@rekey/database'
import { type TestDatabase, testDatabase } from '@rekey/database/testing'
import {
  activeVersion,
  carryOut,
  changeKeyring,
  defaultPolicy,
  discard,
  ensureKeyring,
  type Hands,
  type Keyring,
  KeyringError,
  requestRevocation,
  requestRotation,
  standbyVersion,
} from '@rekey/keyring'
import fc from 'fast-check'
import { migrateIdp } from '../../src/migrations.ts'
import type { IdpTables } from '../../src/tables.ts'

const policy = { ...defaultPolicy, anonymousPropagationMs: 0, rollbackWindowMs: 0 }
const about = { action: 'keyring.changed', actor: 'ops', details: {} }
const acts = ['rotate', 'force', 'discard', 'revoke', 'one step', 'all steps'] as const
const numRuns = Number(process.env.SLOW === '1' ? 500 : 25)

describe('UPDATE oidc_keys', { timeout: 120_000 }, () => {
  let database: TestDatabase
  let owner: Connection<IdpTables>
  let hands: Hands
  let made = 0
  before(async () => {
    database = await testDatabase()
    await migrateIdp(database.ownerUrl)
    owner = connect(database.ownerUrl)
    hands = {
      store: databaseKeyringStore(owner.db),
      async make() {
        made += 1
        return { id: `key-${made}`, publicPart: { kty: 'EC', kid: `key-${made}` }, sealedPrivate: `sealed-${made}` }
      },
      observe: async () => ({ instances: [], verifiers: [] }),
    }
  })
  after(async () => {
    await owner.close()
    await database.drop()
  })

  const load = async (name: string) => (await hands.store.load(name)) ?? assert.fail(name)

  /** A moment after a revocation no successor is prepared: that has the way. */
  const later = (ms: number): Hands => ({
    ...hands,
    store: { ...hands.store, now: async () => (await hands.store.now()) + ms },
  })

  async function act(name: string, what: (typeof acts)[number]): Promise<void> {
    const request = { by: 'ops', forced: what === 'force' }
    const change = (transition: (keyring: Keyring, now: number) => Keyring) =>
      changeKeyring(hands.store, name, transition, about)
    const one = await load(name)
    if (what === 'one step') await carryOut(name, hands, ({ revision }) => revision > one.revision)
    if (what === 'all steps') await carryOut(name, hands)
    if (what === 'rotate' || what === 'force') await change((keyring, now) => requestRotation(keyring, request, now))
    if (what === 'discard') await change((keyring, now) => discard(keyring, standbyVersion(keyring)?.id ?? '', now))
    if (what === 'revoke')
      await change((keyring, now) =>
        requestRevocation(keyring, activeVersion(keyring)?.id ?? '', { by: 'ops', reason: 'drill' }, now),
      )
  }

  async function lived(name: string, life: readonly (typeof acts)[number][]): Promise<Keyring> {
    await ensureKeyring(hands, { name, algorithm: 'ES256', policy })
    for (const what of life) {
      await act(name, what).catch((error) => assert.ok(error instanceof KeyringError, String(error)))
    }
    return load(name)
  }

  test('leaves a document that is as if it had been asked for in JavaScript, and that the loop carries out', async () => {
    let name = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...acts), { maxLength: 8 }), async (life) => {
        name += 1
        const keyring = `signing-${name}`
        const before = await lived(keyring, life)
        const { rowCount } = await owner.pool.query(
          'UPDATE oidc_keys SET active = false WHERE active = true AND keyring = $1',
          [keyring],
        )
        const after = await load(keyring)
        if (before.rotation) {
          assert.equal(rowCount, 0)
          assert.deepEqual(after, before)
        } else {
          assert.equal(rowCount, 1)
          const { by, reason = '', requestedAt } = after.rotation ?? assert.fail('nothing was asked for')
          const expected = requestRotation(before, { by, forced: false, reason }, requestedAt)
          assert.deepEqual(after, { ...expected, revision: after.revision })
          assert.ok(after.revision > before.revision)
        }
        const { store } = later(1_000)
        assert.ok((await store.due(await store.now())).includes(keyring), 'the loop looks at it')
        await carryOut(keyring, later(1_000))
        const done = (await carryOut(keyring, later(2_000)))?.keyring
        assert.equal(done?.rotation, undefined)
        assert.ok(done && activeVersion(done)?.id !== activeVersion(before)?.id)
        assert.equal(done.versions.filter(({ state }) => state === 'active').length, 1)
      }),
      { numRuns },
    )
  })
})
