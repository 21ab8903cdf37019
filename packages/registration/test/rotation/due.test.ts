import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DAY_MS, dueForRotation } from '../../src/rotation/due.ts'
import { stampedKid, stampOf } from '../../src/rotation/kid.ts'

const now = 1_800_000_000_000
const held = { kid: 'bff-1', madeAt: now - 10 * DAY_MS, replacedMeanwhile: false }

describe('a rotation', () => {
  it('is due without a key, and when the key is as old as it may be', () => {
    assert.match(dueForRotation(undefined, { rotateAfterDays: 30 }, now) ?? '', /PEM is missing/)
    assert.equal(dueForRotation(held, { rotateAfterDays: 30 }, now), undefined)
    assert.match(dueForRotation(held, { rotateAfterDays: 10 }, now) ?? '', /10 days old/)
    const young = dueForRotation({ ...held, madeAt: now - DAY_MS / 2 }, { rotateAfterDays: 0.25 }, now)
    assert.match(young ?? '', /less than a day old, and BFF_JWK_ROTATE_AFTER_DAYS is 0\.25/)
  })

  it('goes by the time in the kid where there is one, because copying a file makes it young', () => {
    const kid = stampedKid('bff-1', 'aaaa', now - 40 * DAY_MS)
    assert.match(dueForRotation({ ...held, kid, madeAt: now }, { rotateAfterDays: 30 }, now) ?? '', /40 days old/)
  })

  it('is due at once at 0 days, except when a sibling rotated a moment ago', () => {
    assert.ok(dueForRotation({ ...held, madeAt: now }, { rotateAfterDays: 0 }, now))
    assert.equal(dueForRotation({ ...held, replacedMeanwhile: true }, { rotateAfterDays: 0 }, now), undefined)
    const kid = (ago: number) => stampedKid('bff-1', 'aaaa', now - ago)
    assert.equal(dueForRotation({ ...held, kid: kid(9 * 60_000) }, { rotateAfterDays: 0 }, now), undefined)
    assert.ok(dueForRotation({ ...held, kid: kid(11 * 60_000) }, { rotateAfterDays: 0 }, now))
    assert.ok(dueForRotation({ ...held, kid: kid(60_000) }, { rotateAfterDays: 0, evenIfNew: true }, now))
    const meanwhile = { ...held, kid: kid(60_000), replacedMeanwhile: true }
    assert.equal(dueForRotation(meanwhile, { rotateAfterDays: 0, evenIfNew: true }, now), undefined)
    // The sibling's clock is ahead.
    assert.equal(dueForRotation({ ...held, kid: kid(-60_000) }, { rotateAfterDays: 0 }, now), undefined)
  })
})

describe('a kid', () => {
  it('tells when its key was made, and another key of the same second has another', () => {
    assert.equal(stampOf(stampedKid('bff-sig-001', 'qrvM', now + 999)), now)
    assert.notEqual(stampedKid('bff', 'qrvM', now), stampedKid('bff', 'zrvM', now))
    assert.equal(stampOf('bff-sig-001'), undefined)
  })
})
