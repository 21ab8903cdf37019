import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { credentialsOf } from '../../src/http/credentials.ts'
import { refused } from '../support/keys.ts'

describe('the credentials of a request', () => {
  it('are a scheme in any case, spaces, and a token', () => {
    for (const [field, scheme] of Object.entries({
      'Bearer a.b': 'bearer',
      'bEARER  a.b ': 'bearer',
      'dpop a.b': 'dpop',
    })) {
      assert.deepEqual(credentialsOf(field), { scheme, token: 'a.b' })
    }
  })

  it('are missing where another scheme is used, or no token follows', () => {
    const others = [undefined, '', ' ', 'Bearer', 'DPoP ', 'Bearer\ta', 'Basic YTpi', 'Token a', 'a.b.c', 'BearerX a']
    for (const field of [...others, 'Digest username="bearer", realm="dpop"']) {
      assert.throws(() => credentialsOf(field), refused('token_missing'))
    }
  })

  it('are refused when there are two of them, whichever comes first', () => {
    const twice = ['Bearer a, Bearer b', 'Bearer a,DPoP b', 'DPoP a, bearer b', 'Basic YTpi, Bearer a', ', Bearer a']
    for (const field of [...twice, 'Bearer a, Bearer']) {
      assert.throws(() => credentialsOf(field), refused('credentials_ambiguous'))
    }
  })
})
