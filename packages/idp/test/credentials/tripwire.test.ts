import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventually } from '../estate.ts'
import { iso, pathOf, settingOf, type TestCredential } from './setting.ts'

describe('a dead secret that is presented', { timeout: 60_000 }, () => {
  const setting = settingOf(1)
  const { credential, rotate, detail } = setting

  const tripwires = async (of: TestCredential) =>
    (await setting.events(of)).filter(({ action }) => action === 'credential.tripwire')
  const counted = async (state: string): Promise<number> => {
    const { body } = await setting.idp().call('/metrics')
    const line = new RegExp(`rekey_credential_tripwires_total\\{state="${state}"\\} (\\d+)`).exec(body)
    return Number(line?.[1] ?? 0)
  }

  test('is an event at once, and its repetitions are gathered', async () => {
    const before = await counted('retired')
    const old = await credential()
    await rotate(old)
    const [version] = (await detail(old)).versions
    const refused = await setting.idp().token(old)
    assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client'])
    const [event] = await eventually(
      () => tripwires(old),
      (events) => events.length > 0,
    )
    assert.deepEqual([event?.outcome, event?.organization_id], ['refused', 'default'])
    const details = event?.details as Record<string, unknown>
    assert.partialDeepStrictEqual(details, {
      credentialId: old.credentialId,
      version: version.id,
      state: 'retired',
      count: 1,
    })
    assert.ok(details.address)
    for (let times = 0; times < 5; times += 1) await setting.idp().token(old)
    await setting.idp().idp.instance.gathered.flush()
    const counts = (await tripwires(old)).map(({ details }) => (details as { count: number }).count)
    assert.deepEqual(counts, [1, 5])
    assert.equal((await counted('retired')) - before, 6)
    assert.equal(JSON.stringify(await setting.events(old)).includes(old.clientSecret), false)
  })

  test('tells a revoked one from a retired one', async () => {
    const before = await counted('revoked')
    const old = await credential()
    await setting.idp().manage('POST', `${pathOf(old)}/revoke`, { reason: 'leaked' })
    await setting.idp().token(old)
    const [event] = await eventually(
      () => tripwires(old),
      (events) => events.length > 0,
    )
    assert.equal((event?.details as { state: string } | undefined)?.state, 'revoked')
    assert.equal((await counted('revoked')) - before, 1)
  })

  test('is none where it expired by itself, or never was one', async () => {
    const old = await credential({ expiresAt: iso(Date.now() + 1_000) })
    await eventually(
      () => setting.idp().token(old),
      ({ status }) => status === 401,
    )
    await setting.idp().token({ ...old, clientSecret: `sk_live_${'1'.repeat(64)}` })
    await setting.idp().idp.instance.gathered.flush()
    assert.deepEqual(await tripwires(old), [])
    const failed = (await setting.events(old)).filter(({ action }) => action === 'auth.failed')
    assert.deepEqual(failed.map(({ details }) => (details as { cause: string }).cause).toSorted(), [
      'expired',
      'secret_wrong',
    ])
  })
})
