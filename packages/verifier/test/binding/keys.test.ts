import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProofKeys } from '../../src/binding/keys.ts'
import { thumbprint } from '../../src/binding/thumbprint.ts'
import type { Jwk } from '../../src/keys/jwk.ts'

const keyOf = (x: string): Jwk => ({ crv: 'Ed25519', kty: 'OKP', x })
const ask = (keys: ProofKeys, x: string) => keys.embedded(keyOf(x), thumbprint(keyOf(x)))

describe('the keys of clients', () => {
  it('are one object for each key, which is imported once, however often and with whatever else it is sent', () => {
    const keys = new ProofKeys()
    const first = ask(keys, 'a')
    const jkt = thumbprint(keyOf('a'))
    assert.equal(keys.embedded({ use: 'sig', ...keyOf('a') }, jkt), first)
    assert.deepEqual(first, keyOf('a'))
  })

  it('are kept for a thousand; the one that was used longest ago makes room', () => {
    const keys = new ProofKeys()
    const first = ask(keys, '0')
    const second = ask(keys, '1')
    for (let i = 2; i < 1000; i++) ask(keys, String(i))
    assert.equal(ask(keys, '0'), first)
    ask(keys, 'one more')
    assert.equal(ask(keys, '0'), first)
    assert.notEqual(ask(keys, '1'), second)
  })

  it('are not kept when they are not the one that a token names', () => {
    const keys = new ProofKeys()
    const first = ask(keys, 'a')
    for (let i = 0; i < 2000; i++) assert.throws(() => keys.embedded(keyOf(String(i)), thumbprint(keyOf('a'))))
    assert.equal(ask(keys, 'a'), first)
  })
})
