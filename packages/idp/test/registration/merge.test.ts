import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergePatch } from '../../src/registration/merge.ts'

// RFC 7396, appendix A, as far as both are objects.
const examples: [object, object, object][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

test('a merge patch changes what the examples of RFC 7396 say', () => {
  for (const [target, patch, result] of examples) assert.deepEqual(mergePatch({ ...target }, { ...patch }), result)
})

test('a merge patch makes a member of whatever name, and no prototype', () => {
  const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'))
  assert.equal(Object.getPrototypeOf(merged), Object.prototype)
  assert.equal((merged as { polluted?: boolean }).polluted, undefined)
})
