import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { coverageOf } from '../../../src/evidence/period/coverage.ts'
import type { InventoriedSecret } from '../../../src/evidence/period/document.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 0, 1)
/** So many days after the period began, which lasts a hundred. */
const day = (days: number) => new Date(start + days * dayMs).toISOString()

let id = 0
function rotated(days: number, name = 'k') {
  id += 1
  const details = { keyring: name, version: `v-${id}`, replaces: 'v' }
  const event = { seq: id, id: `e-${id}`, at: day(days), action: 'keyring.activated', actor: 'rekey', details }
  return { event: JSON.stringify(event) }
}

const secret = (more: Partial<InventoriedSecret>): InventoriedSecret => ({
  ...{ name: 'k', kind: 'signing-key', owner: 'o', of: 'idp', management: 'rekey', rotateEveryMs: 30 * dayMs },
  ...more,
})

function cover(
  inventory: InventoriedSecret[],
  {
    before = [],
    during = [],
    to = 100,
    sealed = 100,
  }: { before?: number[]; during?: number[]; to?: number; sealed?: number },
) {
  return coverageOf({
    sealedAt: day(sealed),
    period: { from: day(0), to: day(to) },
    record: { events: during.map((at) => rotated(at)) },
    estate: {
      inventory,
      before: { from: day(-400), events: before.map((at) => rotated(at)) },
      bff: { record: { events: [rotated(5, 'session')] }, before: { events: [] } },
      metrics: [],
      signOff: null,
    },
  })
}

const one = (more: Partial<InventoriedSecret>, events: Parameters<typeof cover>[1]) =>
  cover([secret(more)], events).secrets[0]

describe('the coverage of a schedule', () => {
  it('is whole where a secret was never older than its interval', () => {
    const found = one({ createdAt: day(-200), rotatedAt: day(85) }, { before: [-10], during: [20, 50, 75, 85] })
    assert.deepEqual([found?.status, found?.overdueMs, found?.lastBefore], ['within', 0, day(-10)])
    assert.deepEqual(
      found?.rotations.map(({ at }) => at),
      [20, 50, 75, 85].map(day),
    )
  })

  it('counts every moment at which it was older, at the beginning, in the middle and at the end', () => {
    const beginning = one({ createdAt: day(-200), rotatedAt: day(85) }, { before: [-40], during: [10, 40, 70, 85] })
    assert.deepEqual([beginning?.status, beginning?.overdueMs], ['overdue', 10 * dayMs])
    const middle = one({ createdAt: day(-5), rotatedAt: day(80) }, { during: [20, 60, 80] })
    assert.equal(middle?.overdueMs, 10 * dayMs)
    const end = one({ createdAt: day(-5), rotatedAt: day(50) }, { during: [20, 50] })
    assert.equal(end?.overdueMs, 20 * dayMs)
  })

  it('is none of the days that were not over when it was sealed, nor of those before it came to be', () => {
    const unfinished = one({ createdAt: day(0) }, { sealed: 30 })
    assert.equal(unfinished?.overdueMs, 0)
    const young = one({ createdAt: day(60), rotatedAt: day(90) }, { during: [90] })
    assert.deepEqual([young?.status, young?.judgedFrom, young?.lastBefore], ['within', day(60), undefined])
  })

  it('is not helped by a rotation after the period', () => {
    assert.equal(
      one({ createdAt: day(-5), rotatedAt: day(40) }, { to: 30, during: [40], sealed: 50 })?.overdueMs,
      5 * dayMs,
    )
  })

  it('takes a keyring of the backend by the audit of that', () => {
    const { secrets } = cover(
      [
        secret({ name: 'session', of: 'bff', createdAt: day(-20) }),
        secret({ name: 'session', of: 'idp', createdAt: day(-20) }),
      ],
      { to: 20 },
    )
    assert.deepEqual(
      secrets.map(({ status, overdueMs }) => [status, overdueMs / dayMs]),
      [
        ['within', 0],
        ['overdue', 10],
      ],
    )
  })

  it('names what ends by itself and what nobody manages, and counts neither as good', () => {
    const { total, classes } = cover(
      [
        secret({ createdAt: day(0), rotatedAt: day(0), rotateEveryMs: 200 * dayMs }),
        secret({ name: 'late', createdAt: day(0), rotatedAt: day(0) }),
        { name: 't', kind: 'token', owner: 'o', of: 'idp', management: 'rekey', expiresAt: day(3) },
        { name: 'VAULT_TOKEN', kind: 'vault-token', owner: 'o', of: 'idp', management: 'unmanaged' },
      ],
      {},
    )
    assert.deepEqual(total, {
      ...{ secrets: 4, within: 1, overdue: 1, expires: 1, unmanaged: 1, rotations: 0 },
      ...{ withinPercent: 50, managedPercent: 75 },
    })
    assert.deepEqual(
      classes.map(({ kind, secrets, withinPercent }) => [kind, secrets, withinPercent]),
      [
        ['signing-key', 2, 50],
        ['token', 1, null],
        ['vault-token', 1, null],
      ],
    )
  })

  it('is never a hundred percent by rounding', () => {
    const good = Array.from({ length: 2_000 }, (_, i) =>
      secret({ name: `g-${i}`, createdAt: day(90), rotatedAt: day(90) }),
    )
    const { total } = cover([...good, secret({ name: 'late', createdAt: day(0), rotatedAt: day(0) })], {})
    assert.equal(total.withinPercent, 99.9)
  })

  it('for any rotations is what counting day by day says', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = numbers(seed)
      const rotations = Array.from({ length: random(6) }, () => random(140) - 40)
      const created = -random(80)
      const days = [created, ...rotations].filter((each) => each >= created)
      const [before, during] = [
        days.slice(1).filter((each) => each < 0),
        days.slice(1).filter((each) => each >= 0 && each < 100),
      ]
      const expected = Array.from({ length: 100 }, (_, at) => at).filter((at) => {
        const last = Math.max(...days.filter((each) => each <= at))
        return at - last >= 30
      })
      const found = one({ createdAt: day(created), rotatedAt: day(Math.max(...days)) }, { before, during })
      assert.equal((found?.overdueMs ?? -1) / dayMs, expected.length, `seed ${seed}`)
    }
  })
})

/** Whole numbers from 0, the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state % below
  }
}
