import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Ports } from '../../src/index.ts'
import { atModern } from '../at-modern.ts'
import { start, stored } from '../client.ts'
import { cuttingProxy } from '../cutting.ts'
import { servingKeys } from '../service.ts'

const later = (days: number) => ({ now: () => Date.now() + days * 86_400_000 })
const seldom = { BFF_JWK_ROTATE_AFTER_DAYS: '3650' }
const rotateNow = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }

describe('a successor of the registration access token that is lost with the reply', () => {
  const at = atModern({ renewsRat: true })
  const service = servingKeys(() => at.setting.folder)
  let proxy: Awaited<ReturnType<typeof cuttingProxy>>
  before(async () => {
    proxy = await cuttingProxy(at.modern.url)
  })
  after(() => proxy.close())
  beforeEach(() => {
    proxy.lost = 0
  })

  const token = async (): Promise<string> => (await stored(at.setting)).registration_access_token
  const started = (env: Record<string, string>, ports: Partial<Ports> = {}) =>
    start({ ...at.setting, idp: proxy.url }, env, ports)

  async function losing(act: () => ReturnType<typeof started>) {
    proxy.cuts = 'PATCH'
    try {
      return await act()
    } finally {
      proxy.cuts = undefined
    }
  }

  const ways: [string, () => Record<string, string>, Record<string, string>, Partial<Ports>, outcome: string][] = [
    ['of a change of nothing, for the token is old', () => ({}), seldom, later(31), 'unchanged'],
    ['of a rotation', () => ({}), rotateNow, {}, 'rotated'],
    ['of a rotation by address', () => service.env, rotateNow, {}, 'unchanged'],
  ]
  for (const [what, common, env, ports, next] of ways) {
    it(`${what} comes with the next change, by the token before, which nobody takes for stolen`, async () => {
      await started({ ...common(), DCR_IAT: await at.modern.behind.iat() })
      const old = await token()
      await losing(() => started({ ...common(), ...env }, ports))
      assert.ok(proxy.lost > 0)
      const successor = at.modern.tokens.of(old)
      assert.ok(successor, 'the identity provider has renewed it')
      assert.equal(await token(), old)

      const again = await started({ ...common(), ...seldom }, later(31))
      assert.deepEqual([again.outcome, again.rotationFailed], [next, undefined])
      assert.equal(await token(), successor)
      assert.equal((await started({ ...common(), ...seldom }, later(31))).outcome, 'unchanged')
      assert.equal(at.modern.tokens.replays, 0)

      const reply = await fetch(`${at.setting.idp}/reg/${again.clientId}`, {
        headers: { authorization: `Bearer ${old}` },
      })
      assert.deepEqual([reply.status, at.modern.tokens.replays], [401, 1], 'only now it is dead')
      at.modern.tokens.replays = 0
    })
  }
})
