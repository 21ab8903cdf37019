import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Verifier } from '@rekey/verifier'
import { startApi, verdictOf } from '../api.ts'
import { agent, decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

describe('a verifier on the feed', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let api: Verifier
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    api = await startApi(idp)
  })
  after(async () => {
    await api.close()
    await estate.stop()
  })

  const fresh = async () => (await idp.token(agent)).body.access_token as string
  const codeOf = (token: string) => verdictOf(api, token)
  const becomes = (token: string, code: string) =>
    eventually(
      async () => codeOf(token),
      (found) => found === code,
    )
  const manage = (method: string, entry: object) => idp.manage(method, '/api/v1/denied', { entries: [entry] })

  test('refuses a token that is denied at the IdP, though it has been seen before, and no other', async () => {
    const [denied, other] = [await fresh(), await fresh()]
    assert.equal(codeOf(denied), 'ok')
    const { jti } = decodeUnverified(denied).payload
    await manage('POST', { jti })
    await becomes(denied, 'token_denied')
    assert.equal(codeOf(other), 'ok')
    await manage('DELETE', { jti })
    await becomes(denied, 'ok')
  })

  test('refuses all that a client got before a moment, and takes what it gets afterwards', async () => {
    const old = await fresh()
    const { client_id, iat } = decodeUnverified(old).payload
    await manage('POST', { client_id, issuedBefore: new Date((iat + 1) * 1_000).toISOString() })
    await becomes(old, 'token_denied')
    const later = await eventually(fresh, (token) => decodeUnverified(token).payload.iat > iat)
    assert.equal(codeOf(later), 'ok')
  })

  test('refuses all that the issuer issued before a moment, whoever got it', async () => {
    const old = await fresh()
    const { iss, iat } = decodeUnverified(old).payload
    const issuedBefore = new Date((iat + 1) * 1_000).toISOString()
    await manage('POST', { iss: 'https://another.example', issuedBefore })
    await manage('POST', { iss, issuedBefore })
    await becomes(old, 'token_denied')
    const later = await eventually(fresh, (token) => decodeUnverified(token).payload.iat > iat)
    assert.equal(codeOf(later), 'ok')
    await manage('DELETE', { iss, issuedBefore })
    await becomes(old, 'ok')
  })

  test('that begins later is told of all of it before it trusts anything', async () => {
    const token = await fresh()
    await manage('POST', { jti: decodeUnverified(token).payload.jti })
    const late = await startApi(idp)
    assert.equal(verdictOf(late, token), 'token_denied')
    await late.close()
  })

  test('takes a subject that was denied for longer, taken back and denied anew for less as it is now', async () => {
    const token = await fresh()
    const { client_id, iat } = decodeUnverified(token).payload
    const until = (seconds: number) => ({ client_id, issuedBefore: new Date((iat + seconds) * 1_000).toISOString() })
    await manage('DELETE', until(3_600))
    await becomes(token, 'ok')
    await manage('POST', until(60))
    await becomes(token, 'token_denied')
    await manage('DELETE', until(60))
    await manage('POST', until(-60))
    await becomes(token, 'ok')
    assert.deepEqual(
      [...api.denied()].flatMap(({ entry }) => ('client_id' in entry ? [entry.issuedBefore] : [])),
      [until(-60).issuedBefore],
    )
    await manage('DELETE', until(-60))
  })

  test('holds a list of several pages as a whole', async () => {
    for (const page of [0, 1, 2]) {
      const entries = Array.from({ length: 1_000 }, (_, index) => ({ sid: `${page}-${index}` }))
      await idp.manage('POST', '/api/v1/denied', { entries })
    }
    await api.refresh()
    const held = [...api.denied()].filter(({ entry, origin }) => origin === 'issuer' && 'sid' in entry)
    assert.equal(held.length, 3_000)
  })
})
