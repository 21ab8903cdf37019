import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { columnCipher } from '../../src/columns/cipher.ts'
import { columnVersionOf } from '../../src/columns/form.ts'
import { knownValue, opensKnownValue } from '../../src/columns/known.ts'
import { HeldKeys, newKey, notes } from './estate.ts'

const [key, another] = [newKey(), newKey()]
const cipher = columnCipher(new HeldKeys(another, key))

describe('a value of an encrypted column', () => {
  it('opens to the text that was sealed, whatever that is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uuid(), (text, row) => {
        assert.equal(cipher.open(notes, row, cipher.seal(notes, row, text)), text)
      }),
    )
  })

  it('names the version that made it, has a nonce of its own, and shows nothing of the text', () => {
    const [one, two] = [cipher.seal(notes, 'row', 'secret'), cipher.seal(notes, 'row', 'secret')]
    assert.match(one, new RegExp(`^c1\\.${key.id}\\.[\\w-]{16}\\.[\\w-]{30}$`))
    assert.equal(columnVersionOf(one), key.id)
    assert.notEqual(one, two)
  })

  it('opens nowhere else: in no other row, column or table, under no other version, and not when a bit was changed', () => {
    const sealed = cipher.seal(notes, 'row', 'secret')
    const opens = (column: typeof notes, row: string, stored: string) => () => cipher.open(column, row, stored)
    const [format, , iv, body = ''] = sealed.split('.')
    const changed = `${body.startsWith('A') ? 'B' : 'A'}${body.slice(1)}`
    for (const act of [
      opens(notes, 'other', sealed),
      opens({ ...notes, column: 'title' }, 'row', sealed),
      opens({ ...notes, table: 'drafts' }, 'row', sealed),
      opens(notes, 'row', [format, another.id, iv, body].join('.')),
      opens(notes, 'row', [format, key.id, iv, changed].join('.')),
      opens(notes, 'row', sealed.slice(0, -1)),
      opens(notes, 'row', `${sealed}.more`),
      opens(notes, 'row', 'c1.cut off'),
    ]) {
      assert.throws(act, { code: 'SEAL_DAMAGED' })
    }
  })

  it('is refused without its key, by the name of that, and nothing is sealed without one', () => {
    const lone = columnCipher(new HeldKeys())
    const sealed = cipher.seal(notes, 'row', 'secret')
    assert.throws(() => lone.open(notes, 'row', sealed), { code: 'COLUMN_KEY_MISSING', facts: { version: key.id } })
    assert.throws(() => lone.seal(notes, 'row', 'secret'), { code: 'COLUMN_KEY_MISSING' })
    assert.equal(lone.sealingId, undefined)
  })

  it('of no form is a text that is not encrypted: it is read only where that is admitted', () => {
    const admitting = columnCipher(new HeldKeys(), () => ({ plain: true }))
    assert.equal(admitting.open(notes, 'row', 'ops@example.org'), 'ops@example.org')
    assert.throws(() => cipher.open(notes, 'row', 'ops@example.org'), { code: 'LEGACY_FORM_REFUSED' })
    assert.throws(() => admitting.open(notes, 'row', 'c1.looks.like.ours'), { code: 'COLUMN_KEY_MISSING' })
  })

  it('does not show in what is thrown', () => {
    for (const act of [() => cipher.open(notes, 'row', 'hunter2'), () => cipher.open(notes, 'row', 'c1.hunter2')]) {
      assert.throws(act, (error) => !inspect(error).includes('hunter2'))
    }
  })
})

describe('a known value', () => {
  it('tells the key that made it from every other', () => {
    const known = knownValue(key)
    assert.equal(opensKnownValue(key, known), true)
    assert.equal(opensKnownValue({ ...key, key: another.key }, known), false)
    assert.equal(opensKnownValue(another, known), false)
    assert.equal(opensKnownValue(key, 'c1.nothing'), false)
  })
})
