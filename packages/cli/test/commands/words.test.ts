import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidArgumentError } from 'commander'
import { namePart } from '../../src/commands/words.ts'

test('what becomes a part of a file’s name may have all that is said to be allowed, and no more', () => {
  for (const name of ['CC9.2', 'INC-42', 'inc_42', '4', 'a'.repeat(64)]) assert.equal(namePart(name), name)
  for (const name of ['', '..', '../A', '_a', '-a', 'a/b', 'a b', 'ä', 'a'.repeat(65)]) {
    assert.throws(() => namePart(name), InvalidArgumentError, name)
  }
  assert.throws(() => namePart('a/b'), { message: /letters, digits, dots, hyphens and underscores\.$/ })
})
