import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Wallet } from '../../src/load/wallet.ts'

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = (kid: string, exp: number) => `${encode({ kid })}.${encode({ exp, kid })}.signature`

describe('the wallet of the agent', () => {
  it('gives by turns the freshest token, the oldest one and any', () => {
    const wallet = new Wallet(() => 0.5)
    for (const exp of [60, 61, 62]) wallet.add(token('a', exp))
    const given = Array.from({ length: 4 }, () => (wallet.next(0)?.expiresAt ?? 0) / 1_000)
    assert.deepEqual(given, [62, 60, 62, 61])
  })

  it('keeps a token until shortly before it expires', () => {
    const wallet = new Wallet(() => 0)
    wallet.add(token('a', 60))
    assert.equal(wallet.next(56_999)?.kid, 'a')
    assert.equal(wallet.holds('a', 56_999), true)
    assert.equal(wallet.next(57_000), undefined)
    assert.equal(wallet.holds('a', 57_000), false)
  })

  it('forgets the tokens of a key and keeps the others', () => {
    const wallet = new Wallet(() => 0)
    for (const kid of ['a', 'b', 'a']) wallet.add(token(kid, 60))
    wallet.drop('a')
    assert.equal(wallet.holds('a', 0), false)
    assert.equal(wallet.next(0)?.kid, 'b')
  })
})
