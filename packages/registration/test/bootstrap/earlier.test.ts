import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { atModern } from '../at-modern.ts'
import { start, stored } from '../client.ts'
import { servingKeys } from '../service.ts'

describe('the file behind DCR_JWKS_URI, when its client is registered anew', () => {
  const at = atModern()
  const service = servingKeys(() => at.setting.folder)

  const started = (more: Record<string, string> = {}) => start(at.setting, { ...service.env, ...more })
  const iat = () => at.modern.behind.iat()
  const kids = async () => (await service.written()).map(({ kid }) => kid)
  const rotateNow = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }

  const forget = (clientId: string) => {
    at.modern.instead = ({ method, path }) =>
      method === 'GET' && path.endsWith(`/${clientId}`) ? { status: 404, body: {} } : undefined
  }

  it('loses the keys of a client that is gone, and not before there is another', async () => {
    const DCR_IAT = await iat()
    const first = await started({ DCR_IAT })
    forget(first.clientId)
    await assert.rejects(started({ DCR_IAT }), { code: 'IAT_REFUSED' }, 'the token was spent for the one that is gone')
    assert.deepEqual((await kids())[0], first.kid)
    const anew = await started({ DCR_IAT: await iat() })
    assert.equal(anew.outcome, 'registered')
    assert.deepEqual(await kids(), [anew.kid])
  })

  it('keeps those of a client that is replaced, but for one that was taken out of it', async () => {
    const first = await started({ DCR_IAT: await iat() })
    const second = await started(rotateNow)
    const third = await started({ DCR_FORCE_REPLACE: 'true', DCR_IAT: await iat() })
    assert.deepEqual(await kids(), [first.kid, second.kid, third.kid])

    const { client_id, registration_access_token: token } = await stored(at.setting)
    await fetch(`${at.setting.idp}/reg/${client_id}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ jwks: { keys: (await service.written()).slice(2) }, jwks_uri: null }),
    })
    const fourth = await started({ DCR_FORCE_REPLACE: 'true', DCR_IAT: await iat() })
    assert.deepEqual(await kids(), [third.kid, fourth.kid])
  })

  it('holds the cap: the oldest that nobody signs with any more goes', async () => {
    await started({ DCR_IAT: await iat() })
    const second = await started(rotateNow)
    const cap = { BFF_JWK_MAX_KEYS: '2', DCR_FORCE_REPLACE: 'true', DCR_IAT: await iat() }
    const third = await started(cap)
    assert.deepEqual(await kids(), [second.kid, third.kid])
  })
})
