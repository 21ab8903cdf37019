import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { columnCipher } from '../../src/columns/cipher.ts'
import { DatabaseError } from '../../src/error.ts'
import { HeldKeys, notes } from './estate.ts'
import vectors from './vectors/cbc.json' with { type: 'json' }

const [one, other] = [...new Set(vectors.values.map(({ key }) => key))].map((key) => Buffer.from(key, 'hex')) as [
  Buffer,
  Buffer,
]
const opening = (...cbcKeys: Uint8Array[]) => columnCipher(new HeldKeys(), () => ({ plain: false, cbcKeys }))
const codeOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return error instanceof DatabaseError ? error.code : assert.fail(inspect(error))
  }
  return undefined
}

/** As an estate that was taken over wrote them, from a description of the form alone. */
function sealCbc(key: Uint8Array, text: string): string {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  return `${iv.toString('base64')}:${Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]).toString('base64')}`
}

describe('a value that was encrypted by AES-256-CBC', () => {
  it('opens as another program wrote it, by whichever of the keys made it', () => {
    for (const { stored, text } of vectors.values) {
      assert.equal(opening(one, other).open(notes, 'any row', stored), text)
    }
  })

  it('is refused where it is a text by several of the keys, and opens when the one that made it is given', () => {
    assert.equal(
      codeOf(() => opening(other, one).open(notes, 'row', vectors.ambiguous)),
      'LEGACY_VALUE_AMBIGUOUS',
    )
    assert.equal(opening(one).open(notes, 'row', vectors.ambiguous), 'bbbbbbbbbbbbbbb')
  })

  it('is refused where none of the keys made it, and where the form is not admitted', () => {
    const { stored } = vectors.values.find(({ key }) => key === other.toString('hex')) ?? assert.fail()
    for (const keys of [[], [one]]) {
      assert.equal(
        codeOf(() => opening(...keys).open(notes, 'row', stored)),
        'LEGACY_VALUE_UNREADABLE',
      )
    }
    assert.equal(
      codeOf(() => columnCipher(new HeldKeys()).open(notes, 'row', stored)),
      'LEGACY_FORM_REFUSED',
    )
  })

  it('opens to what was encrypted, or is refused: never to another text that only one key reads', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const stored = sealCbc(other, text)
        const code = codeOf(() => assert.equal(opening(one, other).open(notes, 'row', stored), text))
        assert.ok(code === undefined || code === 'LEGACY_VALUE_AMBIGUOUS')
      }),
    )
  })

  it('that was cut off or changed is never shown in a message', () => {
    const cut = `${sealCbc(one, 'somebody@example.org').slice(0, -5)}AAA=`
    try {
      opening(one).open(notes, 'row 7', cut)
    } catch (error) {
      assert.ok(!inspect(error).includes(cut.slice(0, 20)))
      assert.match(String(error), /notes\/body\/row 7/)
    }
  })
})
