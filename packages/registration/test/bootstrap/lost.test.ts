import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { atModern } from '../at-modern.ts'
import { pem, start, stored } from '../client.ts'

describe('a reply that is lost', () => {
  const at = atModern()

  /** Carries the request out and loses the first reply to this method. */
  function losing(lost: string): typeof fetch {
    let left = 1
    return async (url, init) => {
      const response = await fetch(url, init)
      if (init?.method !== lost || left-- <= 0) return response
      await response.body?.cancel()
      throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
    }
  }

  it('to a registration uses no second token and makes no second client', async () => {
    const registered = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() }, { fetch: losing('POST') })
    assert.equal(registered.outcome, 'registered')
    assert.deepEqual(at.modern.log, ['POST 201', 'POST 201'])
    assert.equal(at.modern.behind.requests.filter(({ method }) => method === 'POST').length, 1)
  })

  it('to a change is found out by looking again', async () => {
    const first = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    at.modern.log.length = 0
    const rotated = await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' }, { fetch: losing('PATCH') })
    assert.equal(rotated.outcome, 'rotated')
    assert.deepEqual(at.modern.log, ['GET 200', 'PATCH 200', 'PATCH 412', 'GET 200'])
    const { jwks } = await at.modern.behind.client(first.clientId)
    assert.deepEqual(
      jwks.keys.map(({ kid }: { kid: string }) => kid),
      [first.kid, rotated.kid],
    )
  })

  it('that is another page is not taken for the registration', async () => {
    await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    const before = [await pem(at.setting), await stored(at.setting)]
    at.modern.instead = () => ({ status: 200, body: {} })
    at.modern.log.length = 0
    await assert.rejects(start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' }), {
      code: 'IDP_REFUSED',
      message: /IDP_BASE_URL/,
    })
    at.modern.instead = undefined
    assert.deepEqual(at.modern.log, ['GET 200'])
    assert.deepEqual([await pem(at.setting), await stored(at.setting)], before)
  })

  it('because nobody is there leaves everything for the next start', async () => {
    const env = { DCR_IAT: await at.modern.behind.iat() }
    const nowhere = { ...env, IDP_BASE_URL: 'http://127.0.0.1:1' }
    await assert.rejects(start(at.setting, nowhere), { code: 'IDP_UNREACHABLE', message: /IDP_BASE_URL/ })
    assert.equal((await start(at.setting, env)).outcome, 'registered')
  })
})
