import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { thumbprintOf } from '../../src/keys/jwk.ts'
import { atModern } from '../at-modern.ts'
import { pem, start, stored } from '../client.ts'
import { spawned } from '../spawned.ts'

describe('a start that is killed', () => {
  const at = atModern()

  // Keys that are made quickly: which sort they are of makes no difference here.
  const quick = { DCR_KEY_ALG: 'ES256' }
  const rotating = { ...quick, BFF_JWK_ROTATE_AFTER_DAYS: '0' }
  const registering = async () => ({ ...quick, DCR_IAT: await at.modern.behind.iat() })

  // Whoever held the lock is dead before the next one starts, and nobody else lives: nothing is there to be waited for.
  const lockTimes = { staleMs: 0, beatMs: 1_000, waitMs: 60_000 }
  const startNext = (env: Record<string, string>) => start(at.setting, env, { lockTimes })

  async function killed(act: number, env: Record<string, string>) {
    assert.equal((await spawned(at.setting, { ...env, KILL_AT: String(act) })).signal, 'SIGKILL')
  }

  async function keyIsRegistered(): Promise<boolean> {
    const key = createPublicKey(await pem(at.setting)).export({ format: 'jwk' })
    const own = thumbprintOf(key as Record<string, unknown>)
    const { jwks } = await at.modern.behind.client((await stored(at.setting)).client_id)
    return jwks.keys.some((key: Record<string, unknown>) => thumbprintOf(key) === own)
  }

  async function everythingIsInItsPlace() {
    assert.ok(await keyIsRegistered())
    const names = (await readdir(at.setting.folder)).map((name) => name.replace(/-\d+$/, '')).sort()
    assert.deepEqual(names, ['bff-sig-001.pem', 'bff-sig-001.pem.kids', 'bff-sig-001.pem.lock', 'bff_client.json'])
  }

  const created = () => at.modern.behind.requests.filter(({ method, status }) => method === 'POST' && status === 201)

  // Next key, request, metadata, POST, credentials, key in place, its kid, end of the request. After one act is before the next.
  for (let act = 1; act <= 8; act++) {
    it(`before act ${act} of a registration is finished by the next one with the same token`, async () => {
      const env = await registering()
      await killed(act, env)
      await startNext(env)
      assert.equal(created().length, 1)
      await everythingIsInItsPlace()
    })
  }

  // GET, next key, PATCH, key in place, its kid, credentials.
  for (let act = 1; act <= 6; act++) {
    it(`before act ${act} of a rotation leaves a key that is registered, and the next start finishes it`, async () => {
      const first = await start(at.setting, await registering())
      await killed(act, rotating)
      assert.ok(await keyIsRegistered())
      const next = await startNext(rotating)
      assert.notEqual(next.kid, first.kid)
      await everythingIsInItsPlace()
      const { jwks } = await at.modern.behind.client(first.clientId)
      assert.equal(jwks.keys.length, 2)
    })
  }

  // The same as of a first registration: the key of the old one does not come along.
  for (let act = 1; act <= 8; act++) {
    it(`before act ${act} of a forced replacement makes one new client, and the old one goes on`, async () => {
      const first = await start(at.setting, await registering())
      const env = { ...(await registering()), DCR_FORCE_REPLACE: 'true' }
      await killed(act, env)
      await startNext(env)
      assert.equal(created().length, 2)
      assert.notEqual((await stored(at.setting)).client_id, first.clientId)
      assert.ok(await at.modern.behind.client(first.clientId))
      await everythingIsInItsPlace()
    })
  }

  it('nowhere has done eight acts, six for a rotation, and eight for a forced replacement', async () => {
    const acts = async (env: Record<string, string>) => (await spawned(at.setting, env)).result?.acts
    const forced = async () => ({ ...(await registering()), DCR_FORCE_REPLACE: 'true' })
    assert.deepEqual([await acts(await registering()), await acts(rotating), await acts(await forced())], [8, 6, 8])
  })
})
