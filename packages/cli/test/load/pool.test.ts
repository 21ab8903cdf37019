import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenPool } from '../../src/load/pool.ts'
import { noon } from '../keyring.ts'
import { unsignedToken } from './token.ts'

const later = noon + 3_600_000

function kidsSent(pool: TokenPool, count: number, now = noon): Set<string | undefined> {
  return new Set(Array.from({ length: count }, () => pool.next(now)?.kid))
}

test('tokens of every key stay in use, however many the newest key has signed', () => {
  const pool = new TokenPool(Math.random)
  for (const kid of ['a', 'b', 'c']) for (let i = 0; i < 500; i += 1) pool.add(unsignedToken(kid, later, String(i)))
  assert.deepEqual(kidsSent(pool, 400), new Set(['a', 'b', 'c']))
})

test('every second token is the freshest one', () => {
  const pool = new TokenPool(() => 0)
  for (const jti of ['old', 'middle', 'fresh']) pool.add(unsignedToken('a', later, jti))
  const sent = [pool.next(noon), pool.next(noon), pool.next(noon), pool.next(noon)].map((held) => held?.token)
  const [old, fresh] = [unsignedToken('a', later, 'old'), unsignedToken('a', later, 'fresh')]
  assert.deepEqual(sent, [old, fresh, old, fresh])
})

test('the tokens of a dropped key are never sent again', () => {
  const pool = new TokenPool(Math.random)
  pool.add(unsignedToken('a', later))
  pool.add(unsignedToken('b', later))
  pool.drop('b')
  assert.deepEqual(kidsSent(pool, 50), new Set(['a']))
  pool.drop('a')
  assert.equal(pool.next(noon), undefined)
})

test('a token is not sent when it may run out on its way', () => {
  const pool = new TokenPool(Math.random)
  pool.add(unsignedToken('a', noon + 10_000))
  pool.add(unsignedToken('b', later))
  assert.deepEqual(kidsSent(pool, 50, noon + 6_000), new Set(['b']))
})
