import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUnverified } from '../../src/jwt/unverified.ts'
import { compact, encode, goodClaims, makeKey } from '../support/keys.ts'

const token = compact(makeKey('ES256'), goodClaims(), { typ: 'at+jwt' })

describe('decodeUnverified', () => {
  it('reads header and payload, whoever signed them', () => {
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.AAAA`
    for (const one of [token, forged]) {
      assert.deepEqual(decodeUnverified(one), {
        header: { alg: 'ES256', kid: 'ES256-1', typ: 'at+jwt' },
        payload: goodClaims(),
      })
    }
  })

  it('is as strict about the form as verification is', () => {
    const [header, payload] = token.split('.') as [string, string]
    const bad = ['', '.', '..', header, `${header}.${payload}`, `${token}.x`, `${header}=.${payload}.x`, ` ${token}`]
    bad.push(
      `${header}.${encode('[]')}.x`,
      `${encode('7')}.${payload}.x`,
      `${header}.${encode('{"iss":"a","iss":"b"}')}.x`,
    )
    bad.push(`${header}.${encode(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`)}.x`)
    for (const one of bad) assert.equal(decodeUnverified(one), undefined)
    for (const one of [undefined, null, 7, {}, [token]]) assert.equal(decodeUnverified(one as never), undefined)
  })

  it('reads tokens up to the length it is given', () => {
    const large = compact(makeKey('ES256'), { ...goodClaims(), filling: 'x'.repeat(60_000) })
    assert.equal(decodeUnverified(large), undefined)
    assert.equal(decodeUnverified(large, 100_000)?.payload.sub, 'agent-1')
    assert.equal(decodeUnverified(token, token.length - 1), undefined)
  })
})
