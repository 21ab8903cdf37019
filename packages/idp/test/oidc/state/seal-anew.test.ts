import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { rootIdOf } from '@rekey/database'
import { cookieKeys, heldCookieKeys } from '../../../src/oidc/cookie-keys.ts'
import { sealStateAnew } from '../../../src/oidc/state/seal-anew.ts'
import { storedUnder } from '../../../src/root-keys/sealed.ts'
import { sha256 } from '../../../src/sha256.ts'
import { type Estate, startEstate } from '../../estate.ts'
import { day, left, login, roots, stateOf } from './setting.ts'

const [old, newer] = roots

describe('a root key that was replaced', { timeout: 60_000 }, () => {
  let estate: Estate
  before(async () => {
    estate = await startEstate()
  })
  after(() => estate.stop())

  const rowsUnder = async (id: string) => (await storedUnder(estate.db))[id]?.sealed ?? 0

  test('is free of logins at once, and they go on', async () => {
    const one = await login(stateOf(estate, old).of, 'one')
    const { sealer, of } = stateOf(estate, newer)
    await of('AccessToken').upsert('other', { jti: 'other' }, day)
    assert.deepEqual([await rowsUnder(old.id), await rowsUnder(newer.id)], [5, 1])
    await sealStateAnew(estate.db, sealer, newer.id)
    assert.deepEqual([await rowsUnder(old.id), await rowsUnder(newer.id)], [0, 6])
    assert.equal((await left(of, one)).length, 5)
    const before = await estate.db.selectFrom('oidc_state').select('sealed').execute()
    await sealStateAnew(estate.db, sealer, newer.id)
    assert.deepEqual(await estate.db.selectFrom('oidc_state').select('sealed').execute(), before, 'nothing to do')
  })

  test('is free of many logins, though one of them does not open', async () => {
    const { of } = stateOf(estate, old)
    for (let n = 0; n < 450; n += 1) await of('AccessToken').upsert(`many-${n}`, { jti: `many-${n}` }, day)
    await estate.db
      .updateTable('oidc_state')
      .set({ sealed: `s1.${old.id}.AAAA.AAAA` })
      .where('id_hash', '=', sha256('many-7'))
      .execute()
    const { sealer } = stateOf(estate, newer)
    await assert.rejects(sealStateAnew(estate.db, sealer, newer.id), { code: 'SEAL_DAMAGED' })
    assert.equal(await rowsUnder(old.id), 1)
  })

  test('is not waited for by what has ended or expired', async () => {
    const { of } = stateOf(estate, old)
    const before = await rowsUnder(old.id)
    await of('AccessToken').upsert('expired', { jti: 'expired' }, 0)
    await of('AccessToken').upsert('ended', { jti: 'ended' }, day)
    await of('AccessToken').destroy('ended')
    assert.equal(await rowsUnder(old.id), before)
    const { sealed } = await estate.db
      .selectFrom('oidc_state')
      .select('sealed')
      .where('id_hash', '=', sha256('expired'))
      .executeTakeFirstOrThrow()
    assert.equal(rootIdOf(sealed ?? ''), old.id)
  })

  test('signs no cookie any more once another seals, and they are known for as long as it is held', () => {
    const [one, two] = cookieKeys({ all: [newer, old], sealing: newer })
    assert.deepEqual(cookieKeys({ all: [newer, old], sealing: old }), [two, one], 'not every instance knows the newer')
    assert.deepEqual(cookieKeys({ all: [old], sealing: old }), [two])
    assert.equal(new Set([one, two, old.key, newer.key].map(String)).size, 4)
    const held = { all: [newer, old], sealing: old }
    const keys = heldCookieKeys(held)
    const before = keys()
    assert.equal(keys(), before)
    held.sealing = newer
    assert.deepEqual(keys(), [one, two])
  })
})
