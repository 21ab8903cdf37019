import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { stored } from '../../client.ts'
import { type Crashing, crashing } from './crashing.ts'

// What takes the time are processes that start, and each test has all that it needs for itself.
describe('a start that is killed', { concurrency: 4 }, () => {
  const rotating = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }
  const registering = async (at: Crashing) => ({ DCR_IAT: await at.iat() })
  const replacing = async (at: Crashing) => ({ ...(await registering(at)), DCR_FORCE_REPLACE: 'true' })

  async function everythingIsInItsPlace(at: Crashing) {
    assert.ok(await at.holdsKey(await at.registeredKeys()))
    await at.nothingIsLeftBut()
  }

  // Next key, request, metadata, POST, credentials, its kid, key in place, end of the request. After one act is before the next.
  for (let act = 1; act <= 8; act++) {
    it(`before act ${act} of a registration is finished by the next one with the same token`, async (test) => {
      const at = await crashing(test)
      const env = await registering(at)
      await at.killed(act, env)
      await at.start(env)
      assert.equal(at.created(), 1)
      await everythingIsInItsPlace(at)
    })
  }

  // GET, next key, PATCH, its kid, key in place, credentials.
  for (let act = 1; act <= 6; act++) {
    it(`before act ${act} of a rotation leaves a key that is registered, and the next start finishes it`, async (test) => {
      const at = await crashing(test)
      const first = await at.start(await registering(at))
      await at.killed(act, rotating)
      assert.ok(await at.holdsKey(await at.registeredKeys()))
      const next = await at.start(rotating)
      assert.notEqual(next.kid, first.kid)
      await everythingIsInItsPlace(at)
      assert.equal((await at.registeredKeys()).length, 2)
    })
  }

  // The same as of a first registration: the key of the old one does not come along.
  for (let act = 1; act <= 8; act++) {
    it(`before act ${act} of a forced replacement makes one new client, and the old one goes on`, async (test) => {
      const at = await crashing(test)
      const first = await at.start(await registering(at))
      const env = await replacing(at)
      await at.killed(act, env)
      await at.start(env)
      assert.equal(at.created(), 2)
      assert.notEqual((await stored(at.setting)).client_id, first.clientId)
      assert.ok(await at.modern.behind.client(first.clientId))
      await everythingIsInItsPlace(at)
    })
  }

  it('nowhere has done eight acts, six for a rotation, and eight for a forced replacement', async (test) => {
    const at = await crashing(test)
    const acts = [await at.acts(await registering(at)), await at.acts(rotating), await at.acts(await replacing(at))]
    assert.deepEqual(acts, [8, 6, 8])
  })
})
