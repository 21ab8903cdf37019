import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDenyEntries } from '../../src/deny/parse.ts'
import { VerifyError } from '../../src/error.ts'

const issuedBefore = '2026-11-21T12:00:00.000Z'

/** What a refusal says. */
function refusalOf(entry: unknown): string {
  try {
    parseDenyEntries([{ kid: 'good' }, entry])
  } catch (error) {
    assert.ok(error instanceof VerifyError)
    assert.equal(error.code, 'deny_entry_invalid')
    return error.message.replace(/^.*?: /, '')
  }
  assert.fail('the entry was taken')
}

describe('entries of a deny-list', () => {
  it('are taken as they are when they are good', () => {
    const entries = [
      { kid: 'k' },
      { jti: 'j' },
      { jti: 'j', expiresAt: issuedBefore },
      { sid: 's'.repeat(512) },
      { sid: 's', expiresAt: issuedBefore },
      { sub: 'u', issuedBefore },
      { client_id: 'c', issuedBefore },
      { iss: 'https://idp.example.com', issuedBefore },
    ]
    assert.deepEqual(parseDenyEntries(entries), entries)
  })

  for (const [what, time, iso] of [
    ['a time of another zone', '2026-11-21T13:30:00+01:30', issuedBefore],
    ['a time without seconds', '2026-11-21T12:00Z', issuedBefore],
    ['a time with microseconds', '2026-11-21T12:00:00.123456Z', '2026-11-21T12:00:00.123Z'],
    ['seconds since the epoch', 1_795_262_400, issuedBefore],
    ['fractions of seconds', 1_795_262_400.5, '2026-11-21T12:00:00.500Z'],
    ['milliseconds since the epoch', 1_795_262_400_000, issuedBefore],
    ['the epoch', 0, '1970-01-01T00:00:00.000Z'],
  ] as const) {
    it(`may have ${what}`, () => {
      assert.deepEqual(parseDenyEntries([{ sub: 'u', issuedBefore: time }]), [{ sub: 'u', issuedBefore: iso }])
      assert.deepEqual(parseDenyEntries([{ jti: 'j', expiresAt: time }]), [{ jti: 'j', expiresAt: iso }])
    })
  }

  for (const time of [
    '2026-11-21T12:00:00',
    '2026-11-21',
    '2026-02-30T12:00:00Z',
    '2026-11-21T25:00:00Z',
    '1795262400',
    'tomorrow',
    '',
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e18,
    null,
    true,
    {},
  ]) {
    it(`are refused with the time ${JSON.stringify(time) ?? time}`, () => {
      const detail = 'issuedBefore is neither ISO 8601 with a zone nor a number of seconds'
      assert.equal(refusalOf({ sub: 'u', issuedBefore: time }), `entries[1]: ${detail}`)
    })
  }

  for (const [what, entry, detail] of [
    ['nothing', null, 'not an object'],
    ['a string', 'secret', 'not an object'],
    ['no name', {}, 'not exactly one of kid, jti, sid, sub, client_id and iss'],
    ['two names', { jti: 'secret', sid: 's' }, 'not exactly one of kid, jti, sid, sub, client_id and iss'],
    ['an empty name', { jti: '' }, 'jti is not a string of 1 to 512 characters'],
    ['a number as name', { jti: 7 }, 'jti is not a string of 1 to 512 characters'],
    ['a name that is too long', { sid: 's'.repeat(513) }, 'sid is not a string of 1 to 512 characters'],
    ['no time of issue for a subject', { sub: 'secret' }, 'issuedBefore is missing'],
    ['no time of issue for a client', { client_id: 'secret' }, 'issuedBefore is missing'],
    ['no time of issue for an issuer', { iss: 'secret' }, 'issuedBefore is missing'],
    ['a misspelt member', { jti: 'j', expires_at: 'secret' }, 'a member that does not belong to an entry of jti'],
    ['a time that is not its own', { kid: 'k', expiresAt: 1 }, 'a member that does not belong to an entry of kid'],
    ['__proto__', JSON.parse('{"jti":"j","__proto__":{}}'), 'a member that does not belong to an entry of jti'],
  ] as const) {
    it(`are refused with ${what}, by their place and never by what they hold`, () => {
      assert.equal(refusalOf(entry), `entries[1]: ${detail}`)
    })
  }

  it('are refused when they are no array, or too many at a time', () => {
    const refused = (detail: RegExp) => (error: unknown) => error instanceof VerifyError && detail.test(error.message)
    assert.throws(() => parseDenyEntries({ kid: 'k' }), refused(/entries is not an array/))
    assert.throws(() => parseDenyEntries(undefined), refused(/entries is not an array/))
    const many = Array.from({ length: 10_001 }, (_, index) => ({ jti: `${index}` }))
    assert.throws(() => parseDenyEntries(many), refused(/more than 10000/))
    assert.equal(parseDenyEntries(many.slice(1)).length, 10_000)
  })
})
