import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromNow, span } from '../../src/terminal/span.ts'
import { members, table } from '../../src/terminal/table.ts'
import { before, noon } from '../keyring.ts'

test('columns are as wide as their widest cell', () => {
  assert.equal(table(['A', 'B'], [['long', 'x']]), '  A     B\n  long  x')
  assert.equal(table(['WIDE', 'B'], [['', 'x']]), '  WIDE  B\n        x')
})

test('what others named themselves moves no cursor and turns no writing around', () => {
  const name = 'bill\u001b[2Jing\u202egnp\u009b1m\r'
  assert.equal(table(['NAME', 'B'], [[name, 'x']]), '  NAME        B\n  billinggnp  x')
  assert.equal(members({ name, of: 'x' }), 'name  billinggnp\nof    x')
})

test('members without a value are left out', () => {
  assert.equal(members({ a: '1', empty: '', none: undefined, bcd: '2' }), 'a    1\nbcd  2')
})

test('a span is told in its two largest units', () => {
  assert.deepEqual([0, 5_400, 65_000, 90_061_000, 86_401_000].map(span), ['0s', '5s', '1m 5s', '1d 1h', '1d'])
})

test('a moment is told as it is seen from now', () => {
  assert.deepEqual(
    [before(65_000), before(0), before(-65_000)].map((at) => fromNow(at, noon)),
    ['1m 5s ago', '0s ago', 'in 1m 5s'],
  )
})
