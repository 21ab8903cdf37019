import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { atModern } from '../at-modern.ts'
import { folder, pem, start, stored } from '../client.ts'
import { ADMIN } from '../foreign/modern.ts'

describe('the tokens of a client', () => {
  const at = atModern({ rotateRat: true })

  const registered = async () => {
    const first = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    at.modern.log.length = 0
    return first
  }
  const spoilToken = async () => {
    const credentials = { ...(await stored(at.setting)), registration_access_token: 'no-longer-good' }
    await writeFile(`${at.setting.folder}/bff_client.json`, JSON.stringify(credentials))
  }

  it('are needed at first: without DCR_IAT it fails at once, without a request, and says what to do', async () => {
    await assert.rejects(start(at.setting), {
      code: 'IAT_MISSING',
      message: /no registration in .*bff_client\.json, and DCR_IAT is missing.*rekey dcr token create/,
    })
    assert.deepEqual(at.modern.log, [])
  })

  it('are told from each other: a spent initial access token is IAT_REFUSED, and is in no message', async () => {
    const token = await at.modern.behind.iat()
    await start(at.setting, { DCR_IAT: token })
    const other = await folder()
    await assert.rejects(
      start({ ...at.setting, folder: other.path }, { DCR_IAT: token }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'IAT_REFUSED')
        assert.ok(!error.message.includes(token))
        return true
      },
    )
    await other.remove()
  })

  it('that the reply renews are stored, and the next start uses the new one', async () => {
    await registered()
    const before = (await stored(at.setting)).registration_access_token
    await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.notEqual((await stored(at.setting)).registration_access_token, before)
    assert.equal((await start(at.setting)).outcome, 'unchanged')
  })

  it('that are refused are renewed by BOOTSTRAP_ADMIN_TOKEN, once, and the request is sent again', async () => {
    await registered()
    await spoilToken()
    const again = await start(at.setting, { BOOTSTRAP_ADMIN_TOKEN: ADMIN, BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.equal(again.outcome, 'rotated')
    assert.deepEqual(at.modern.log, ['GET 401', 'POST 201', 'GET 200', 'PATCH 200'])
    at.modern.log.length = 0
    await start(at.setting)
    assert.deepEqual(at.modern.log, ['GET 200'])
  })

  for (const status of [401, 403]) {
    it(`are renewed when the PATCH is answered ${status}`, async () => {
      await registered()
      let refusals = 1
      at.modern.instead = ({ method }) => (method === 'PATCH' && refusals-- > 0 ? { status, body: {} } : undefined)
      const env = { BOOTSTRAP_ADMIN_TOKEN: ADMIN, BFF_JWK_ROTATE_AFTER_DAYS: '0' }
      assert.equal((await start(at.setting, env)).outcome, 'rotated')
      assert.deepEqual(at.modern.log, ['GET 200', `PATCH ${status}`, 'POST 201', 'PATCH 200'])
    })
  }

  it('that are refused without an admin token are RAT_INVALID, and neither key nor credentials are touched', async () => {
    await registered()
    await spoilToken()
    const before = [await pem(at.setting), await stored(at.setting)]
    await assert.rejects(start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' }), {
      code: 'RAT_INVALID',
      message: /BOOTSTRAP_ADMIN_TOKEN.*DCR_FORCE_REPLACE/s,
    })
    const { client_id: id } = await stored(at.setting)
    await assert.rejects(start(at.setting), ({ message }: Error) => {
      assert.ok(message.includes(`${id} in ${at.setting.folder}/bff_client.json is no good`), message)
      assert.ok(message.includes(`rekey dcr client renew-token ${id}`), message)
      assert.match(message, /not bound to this client, it gets another client_id/)
      return true
    })
    assert.deepEqual([await pem(at.setting), await stored(at.setting)], before)
  })

  it('that no admin token can renew are RAT_INVALID with what the identity provider said', async () => {
    await registered()
    await spoilToken()
    const env = { BOOTSTRAP_ADMIN_TOKEN: 'of-somebody-else' }
    await assert.rejects(start(at.setting, env), { code: 'RAT_INVALID', message: /403.*dcr\.admin/s })
  })

  it('of a living client that are refused use up no initial access token', async () => {
    await registered()
    await spoilToken()
    await assert.rejects(start(at.setting, { DCR_IAT: await at.modern.behind.iat() }), { code: 'RAT_INVALID' })
    assert.ok(!at.modern.log.includes('POST 201'))
  })

  it('of a deleted client lead to a new registration where there is an initial access token', async () => {
    const { clientId } = await registered()
    const { registration_access_token: token, registration_client_uri: uri } = await stored(at.setting)
    await fetch(uri, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    await assert.rejects(start(at.setting), { code: 'RAT_INVALID' })
    const again = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    assert.equal(again.outcome, 'registered')
    assert.notEqual(again.clientId, clientId)
    assert.equal((await start(at.setting)).outcome, 'unchanged')
  })

  it('are not asked for where the identity provider says 404: CLIENT_GONE, or a new registration', async () => {
    await registered()
    at.modern.instead = ({ method }) => (method === 'GET' ? { status: 404, body: {} } : undefined)
    await assert.rejects(start(at.setting), { code: 'CLIENT_GONE', message: /DCR_IAT/ })
    let gone = 1
    at.modern.instead = ({ method }) => (method === 'GET' && gone-- > 0 ? { status: 404, body: {} } : undefined)
    assert.equal((await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })).outcome, 'registered')
  })

  it('replace a registration once by force; the old one goes on, and the log says how to remove it', async () => {
    const { clientId } = await registered()
    const env = { DCR_IAT: await at.modern.behind.iat(), DCR_FORCE_REPLACE: 'true' }
    const replaced = await start(at.setting, env)
    assert.equal(replaced.outcome, 'registered')
    assert.notEqual(replaced.clientId, clientId)
    assert.deepEqual(at.modern.log, ['POST 201'])
    assert.ok(await at.modern.behind.client(clientId))
    assert.match(replaced.lines.join('\n'), new RegExp(`rekey dcr client remove ${clientId}$`, 'm'))
    assert.equal((await start(at.setting, env)).outcome, 'unchanged')
    assert.equal((await start(at.setting)).clientId, replaced.clientId)
  })

  it('are not renewed for a client that is suspended: it says how it is reactivated', async () => {
    const { clientId } = await registered()
    const before = await stored(at.setting)
    const body = { error: 'unauthorized_client', error_description: 'the client is suspended: ask an administrator' }
    at.modern.instead = ({ method }) => (method === 'GET' ? { status: 403, body } : undefined)
    await assert.rejects(
      start(at.setting, { BOOTSTRAP_ADMIN_TOKEN: ADMIN, DCR_IAT: 'iat', DCR_FORCE_REPLACE: 'false' }),
      {
        code: 'IDP_REFUSED',
        message: new RegExp(`rekey agent reactivate ${clientId}`),
      },
    )
    assert.deepEqual(at.modern.log, ['GET 403'])
    assert.deepEqual(await stored(at.setting), before)
  })

  it('are missing for a forced replacement: it says that alone, and which one keeps the client_id', async () => {
    const { clientId } = await registered()
    await assert.rejects(start(at.setting, { DCR_FORCE_REPLACE: 'true' }), {
      code: 'IAT_MISSING',
      message: new RegExp(`^DCR_FORCE_REPLACE is true, and DCR_IAT is missing.*token create bff --client ${clientId}`),
    })
  })

  it('replace by force without the wished client_id where that is taken', async () => {
    await registered()
    at.modern.instead = ({ method, body }) =>
      method === 'POST' && body.includes('"client_id"')
        ? { status: 400, body: { error: 'invalid_client_metadata', error_description: 'client_id is taken' } }
        : undefined
    const env = { DCR_IAT: await at.modern.behind.iat(), DCR_FORCE_REPLACE: 'true', DCR_CLIENT_ID: 'bff-server' }
    const { lines } = await start(at.setting, env)
    assert.deepEqual(at.modern.log, ['POST 400', 'POST 201'])
    assert.match(lines.join('\n'), /bff-server is taken.*stays as it is.*rekey dcr client remove bff-server$/ms)
  })
})
