import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Answer } from '../../../src/outbound/fetch.ts'
import { readKeysAnswer } from '../../../src/registration/keys/answer.ts'
import { jwkOf, newPair } from '../../tokens/authentication/signer.ts'

const es256 = newPair('es256')
const rs256 = newPair('rs256', 'RS256')

const answer = (body: unknown, headers: Answer['headers'] = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(body)),
})

const kidsIn = (read: ReturnType<typeof readKeysAnswer>) =>
  read.is === 'good' ? read.keys.map(({ kid }) => kid) : read.why

describe('what a jwks_uri answers', () => {
  test('counts as far as its client may sign by it', () => {
    const both = answer({ keys: [jwkOf(es256), jwkOf(rs256)] })
    assert.deepEqual(kidsIn(readKeysAnswer(both, 2)), ['es256', 'rs256'])
    assert.deepEqual(kidsIn(readKeysAnswer(both, 1)), 'too_many_keys')
    assert.deepEqual(kidsIn(readKeysAnswer(both, 1, ['ES256'])), ['es256'])
    assert.deepEqual(kidsIn(readKeysAnswer(both, 1, ['PS256'])), [])
  })

  test('may be of any type that is JSON', () => {
    const set = { keys: [jwkOf(es256)] }
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JWK-Set+JSON']) {
      assert.deepEqual(kidsIn(readKeysAnswer(answer(set, { 'content-type': type }), 2)), ['es256'])
    }
    for (const type of ['text/plain', 'application/jsonp', 'text/html; application/json', '']) {
      assert.deepEqual(kidsIn(readKeysAnswer(answer(set, { 'content-type': type }), 2)), 'not_json')
    }
  })

  test('has the first key of a name, and one without a name by its thumbprint', () => {
    const { kid: _kid, ...unnamed } = jwkOf(es256)
    const read = readKeysAnswer(answer({ keys: [jwkOf(rs256), { ...jwkOf(es256), kid: 'rs256' }, unnamed] }), 2)
    assert.ok(read.is === 'good')
    assert.deepEqual(
      read.keys.map(({ kty }) => kty),
      ['RSA', 'EC'],
    )
    assert.match(read.keys[1]?.kid ?? '', /^[\w-]{43}$/)
  })

  test('is fresh for as long as it says, but for a minute at least and five at most', () => {
    for (const [cacheControl, seconds] of [
      [undefined, 60],
      ['max-age=0', 60],
      ['max-age=59', 60],
      ['max-age=61', 61],
      ['public, max-age=200', 200],
      ['max-age="299"', 299],
      ['max-age=301', 300],
      ['max-age=86400', 300],
      ['no-store, max-age=200', 60],
      ['max-age=200, no-cache', 60],
      ['max-age=soon', 60],
    ] as const) {
      const headers = cacheControl === undefined ? {} : { 'cache-control': cacheControl }
      const read = readKeysAnswer(answer({ keys: [jwkOf(es256)] }, headers), 1)
      assert.equal(read.is === 'good' && read.freshMs, seconds * 1_000, cacheControl)
    }
  })

  test('tells which keys are known to everybody now', () => {
    const leaked = { ...es256.privateKey.export({ format: 'jwk' }), kid: 'leaked' }
    const read = readKeysAnswer(answer({ keys: [jwkOf(rs256), leaked] }), 2)
    assert.ok(read.is === 'bad')
    assert.equal(read.why, 'private_key')
    assert.equal(read.leaked?.length, 1)
  })
})
