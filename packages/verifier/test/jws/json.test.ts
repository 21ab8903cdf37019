import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseObject } from '../../src/jws/json.ts'

const parse = (text: string) => parseObject(Buffer.from(text))
const numRuns = process.env.SLOW === '1' ? 20_000 : 500

/** JSON as it is written: an object is a list of its members, so that a name can be there twice. */
type Written = string | number | boolean | null | { list: Written[] } | { members: [string, Written][] }

const space = fc.constantFrom('', ' ', '\n\t')
const name = fc.oneof(fc.constantFrom('a', 'b', '', '__proto__', '"', ':', '{[\\'), fc.string({ unit: 'binary' }))
const { object } = fc.letrec<{ any: Written; object: { members: [string, Written][] } }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\\', '":1,"', '}'), fc.integer(), fc.constant(null)),
    fc.record({ list: fc.array(tie('any'), { maxLength: 3 }) }),
    tie('object'),
  ),
  object: fc.record({ members: fc.array(fc.tuple(name, tie('any')), { maxLength: 4 }) }),
}))

/** Every character of a string as an escape, or as few as JSON allows. */
function text(value: string, escaped: boolean): string {
  if (!escaped) return JSON.stringify(value)
  return `"${Array.from(value.split(''), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
}

function write(value: Written, blank: string): string {
  const around = (one: string): string => blank + one + blank
  if (value === null || typeof value !== 'object')
    return around(typeof value === 'string' ? text(value, false) : `${value}`)
  if ('list' in value) return around(`[${value.list.map((one) => write(one, blank)).join(',')}${blank}]`)
  const member = ([key, inner]: [string, Written], index: number) =>
    `${around(text(key, index % 2 === 1))}:${write(inner, blank)}`
  return around(`{${blank}${value.members.map(member).join(',')}}`)
}

/** As {@link write} writes every second name. */
const isOneEscape = (name: string, index: number) =>
  name.length === 1 && (index % 2 === 1 || JSON.stringify(name).length > 3)

function isRefused(value: Written): boolean {
  if (value === null || typeof value !== 'object') return false
  if ('list' in value) return value.list.some(isRefused)
  return value.members.some(([name, inner], index) => isOneEscape(name, index) || isRefused(inner))
}

function hasDuplicates(value: Written): boolean {
  if (value === null || typeof value !== 'object') return false
  if ('list' in value) return value.list.some(hasDuplicates)
  const names = value.members.map(([key]) => key)
  return new Set(names).size < names.length || value.members.some(([, inner]) => hasDuplicates(inner))
}

describe('parseObject', () => {
  it('gives what JSON.parse gives, unless a name is in an object twice', () => {
    let refused = 0
    fc.assert(
      fc.property(object, space, (written, blank) => {
        const json = write(written, blank)
        const expected = hasDuplicates(written) || isRefused(written) ? undefined : JSON.parse(json)
        if (expected === undefined) refused++
        assert.deepEqual(parse(json), expected)
      }),
      { numRuns },
    )
    assert.ok(refused > numRuns / 50, `only ${refused} objects had a name twice`)
  })

  it('refuses arbitrary bytes, and never throws', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.constantFrom(...Buffer.from('{}[]":,\\ a1')), { maxLength: 30 }).map((list) => Uint8Array.from(list)),
    )
    fc.assert(
      fc.property(bytes, (list) => {
        const value = parseObject(Buffer.from(list))
        if (value !== undefined) assert.deepEqual(value, JSON.parse(Buffer.from(list).toString()))
      }),
      { numRuns },
    )
  })

  it('reads 32 levels and no more, counted over objects and lists alike', () => {
    const nested = (levels: number) => '{"a":['.repeat(levels / 2) + ']}'.repeat(levels / 2)
    assert.ok(parse(nested(32)))
    assert.equal(parse(nested(34)), undefined)
    assert.ok(parse(`{"a":${'['.repeat(31)}${']'.repeat(31)}}`))
    assert.equal(parse(`{"a":${'['.repeat(32)}${']'.repeat(32)}}`), undefined)
  })

  it('counts what is nested, and not what is there in all', () => {
    assert.ok(parse(`{"a":[${'[[]],{},'.repeat(1000)}1]}`))
  })

  it('takes no brackets in strings for nesting', () => {
    assert.ok(parse(`{"a":"\\"${'{['.repeat(100)}"}`))
  })

  it('refuses names that are equal once escapes are undone, and none that merely look alike', () => {
    assert.equal(parse('{"alg":1,"\\u0061lg":2}'), undefined)
    assert.ok(parse('{"a":1,"A":2,"\\u0430\\u0430":3,"a ":4}'))
    assert.ok(parse('{"\u00e9":1,"e\u0301":2}'))
  })

  it('refuses a name of one character that is written as an escape, which JSON.parse may take for another', () => {
    for (const name of ['\\u0062', '\\\\', '\\n', '\\"', '\\/'])
      assert.equal(parse(`{"b":1,"${name}":2}`), undefined, name)
    assert.ok(parse('{"https:\\/\\/example.com\\/roles":1,"\\n\\n":2,"b":"\\u0062"}'))
  })
})
