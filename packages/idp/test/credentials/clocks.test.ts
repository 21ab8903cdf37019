import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OAuthError } from '../../src/error.ts'
import { authenticate } from '../../src/tokens/authentication/authenticate.ts'
import { eventually } from '../estate.ts'
import { anHourMs, iso, settingOf } from './setting.ts'

describe('an instance whose clock is an hour off', { timeout: 60_000 }, () => {
  const setting = settingOf(1)

  /** Authenticates at an instance like ours, but for its clock. */
  async function isAdmitted(of: { clientId: string; clientSecret: string }, offMs: number): Promise<boolean> {
    const { instance } = setting.idp().idp
    const presented = { clientId: of.clientId, secret: of.clientSecret }
    try {
      await authenticate(instance, { presented, address: '192.0.2.1', now: Date.now() + offMs })
      return true
    } catch (error) {
      assert.ok(error instanceof OAuthError)
      return false
    }
  }

  for (const [which, offMs] of [
    ['ahead', anHourMs],
    ['behind', -anHourMs],
  ] as const) {
    test(`and ${which} ends an overlap when all others do`, async () => {
      const old = await setting.credential()
      const { body } = await setting.rotate(old, { overlap: '2s' })
      assert.equal(await isAdmitted(old, offMs), true)
      await eventually(
        () => isAdmitted(old, offMs),
        (admitted) => !admitted,
      )
      assert.ok(setting.idp().idp.instance.view.databaseNow() >= Date.parse(body.overlapEndsAt))
      assert.equal(await isAdmitted(body, offMs), true)
    })

    test(`and ${which} accepts what expires until it does`, async () => {
      const lasting = await setting.credential({ expiresAt: iso(Date.now() + anHourMs / 2) })
      const brief = await setting.credential({ expiresAt: iso(Date.now() + 2_000) })
      assert.deepEqual([await isAdmitted(lasting, offMs), await isAdmitted(brief, offMs)], [true, true])
      await eventually(
        () => isAdmitted(brief, offMs),
        (admitted) => !admitted,
      )
      assert.ok(setting.idp().idp.instance.view.databaseNow() >= Date.parse(brief.expiresAt ?? ''))
      assert.equal(await isAdmitted(lasting, offMs), true)
    })
  }
})
