import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readIdTokenHint } from '../../src/oidc/id-token-hint.ts'
import { decodeUnverified, eventually, startEstate } from '../estate.ts'
import { discovered, makeUser, registerWeb, tokensFor } from './setting.ts'

test('an ID token is read as a hint after it expired and its key retired, and for its own client alone', {
  timeout: 300_000,
}, async () => {
  const shortLived = {
    REKEY_ACCESS_TOKEN_TTL: '1s',
    REKEY_CLOCK_SKEW: '0s',
    REKEY_ROLLBACK_WINDOW: '0s',
    JWKS_CACHE_TTL_SECONDS: '0',
  }
  const estate = await startEstate(shortLived)
  try {
    const idp = await estate.instance()
    const client = await registerWeb(idp, { profile: 'code-flow-secret' })
    const tokens = await tokensFor(idp.url, await discovered(idp.url, client), await makeUser(idp))
    const hint = tokens.id_token ?? ''
    const { kid } = decodeUnverified(hint).header
    const path = '/api/v1/keyrings/signing-es256'
    type Version = { id: string; state: string; servedAt?: string }
    const versions = async (): Promise<Version[]> => (await idp.manage('GET', path)).body.versions
    await eventually(versions, (found) => found.some(({ state, servedAt }) => state === 'prepared' && servedAt))
    assert.equal((await idp.manage('POST', `${path}/rotate`, { reason: 'drill' })).status, 202)
    await eventually(versions, (found) => found.find(({ id }) => id === kid)?.state === 'retired')
    const read = (jwt: string, clientId = client.clientId) => readIdTokenHint(idp.idp.instance, jwt, clientId)
    assert.equal(read(hint).payload.sub, tokens.claims()?.sub)
    assert.throws(() => read(hint, 'another'), { error: 'invalid_request' })
    assert.throws(() => read(hint.slice(0, -4)), { error: 'invalid_request' })
    assert.throws(() => read('no token'), { error: 'invalid_request' })
  } finally {
    await estate.stop()
  }
})
