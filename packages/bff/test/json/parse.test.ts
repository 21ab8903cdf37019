import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memberAt } from '../../src/json/member.ts'
import { parseUnambiguous } from '../../src/json/parse.ts'

test('what JSON.parse reads is read alike, unless a member stands twice', () => {
  const texts = [
    '{"a":{"b":"}{\\"a\\":"},"b":[{"a":1},{"a":2}],"c":"\\\\"}',
    '{"a":"a","b":"a","c":["a","a"],"":0}',
    '["a","a"]',
    '" : "',
    'null',
    JSON.stringify({ picture: 'x'.repeat(10_000_000), '\\"': '\\'.repeat(1_000_000), b: 0 }),
  ]
  for (const text of texts) assert.deepEqual(parseUnambiguous(text), JSON.parse(text))
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"x":[{"a":{},"b":"{","a":[]}]}',
    '{"a" : 1 , "a" : 2}',
    '{',
    '',
  ]) {
    assert.throws(() => parseUnambiguous(text), SyntaxError, text)
  }
})

test('a member is found by its very name first, then dot by dot, and never where every object has it', () => {
  const value = { 'a.b': 1, a: { b: 2, c: { d: 3 } }, 'https://x.example/roles': ['r'] }
  assert.equal(memberAt(value, 'a.b'), 1)
  assert.equal(memberAt(value, 'a.c.d'), 3)
  assert.deepEqual(memberAt(value, 'https://x.example/roles'), ['r'])
  for (const name of ['constructor', 'a.constructor.name', '__proto__', 'a.x', 'a.b.c', '']) {
    assert.equal(memberAt(value, name), undefined, name)
  }
  assert.equal(memberAt('text', 'length'), undefined)
  assert.equal(memberAt(null, 'a'), undefined)
})
