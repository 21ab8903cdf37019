import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scopesOf } from '../../src/jwt/scopes.ts'

const scopes = (claims: Record<string, unknown>) => [...scopesOf({ exp: 1, ...claims })]

describe('scopesOf', () => {
  it('reads scope as a text with spaces', () => {
    assert.deepEqual(scopes({ scope: 'orders:read orders:write' }), ['orders:read', 'orders:write'])
    assert.deepEqual(scopes({ scope: '  a   b ' }), ['a', 'b'])
  })

  it('reads scp as a list or as a text, and both claims together', () => {
    assert.deepEqual(scopes({ scp: ['a', 'b'] }), ['a', 'b'])
    assert.deepEqual(scopes({ scp: 'a b' }), ['a', 'b'])
    assert.deepEqual(scopes({ scope: ['a'], scp: 'b a' }), ['a', 'b'])
  })

  it('divides at nothing but spaces, and a member of a list not at all', () => {
    assert.deepEqual(scopes({ scope: 'a\tb,c\nd' }), ['a\tb,c\nd'])
    assert.deepEqual(scopes({ scp: ['a b'] }), ['a b'])
  })

  it('finds nothing in claims of other types', () => {
    for (const scope of [undefined, null, 7, true, {}, { a: 1 }, '', [], [null, 7, '', ['a']]]) {
      assert.deepEqual(scopes({ scope, scp: scope }), [])
    }
  })
})
