import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { triedUntil, tryingOrder } from '../../../src/provider/credentials/order.ts'

const overlapMs = 100
const secret = (fingerprint: string, tookOverAt?: number) => ({ fingerprint, tookOverAt })
const at = (now: number, preferred?: string, isProbe = false) => ({ now, overlapMs, preferred, isProbe })

describe('the order in which secrets are tried', () => {
  it('is that of the list until one was accepted', () => {
    assert.deepEqual(tryingOrder([secret('c'), secret('b'), secret('a')], at(0)), ['c', 'b', 'a'])
  })

  it('begins with the one that was accepted last, unless a newer one is to be looked at', () => {
    const list = [secret('c'), secret('b', 1), secret('a')]
    assert.deepEqual(tryingOrder(list, at(2, 'b')), ['b', 'c', 'a'])
    assert.deepEqual(tryingOrder(list, at(2, 'b', true)), ['c', 'b', 'a'])
  })

  it('has an older one until the overlap after a newer one took over', () => {
    const list = [secret('b', 50), secret('a', 10)]
    assert.deepEqual(triedUntil(list, overlapMs), [undefined, 150])
    assert.deepEqual(tryingOrder(list, at(149, 'b')), ['b', 'a'])
    assert.deepEqual(tryingOrder(list, at(150, 'b')), ['b'])
  })

  it('keeps one that took over after the one that now stands in front of it: a change was taken back', () => {
    assert.deepEqual(tryingOrder([secret('a', 10), secret('b', 50)], at(10_000, 'b')), ['b', 'a'])
  })

  const secrets = fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 })
    .chain((names) =>
      fc.tuple(...names.map((name) => fc.option(fc.nat(500)).map((when) => secret(name, when ?? undefined)))),
    )

  it('never lacks the newest, never has one twice, and has nothing whose overlap is over', () => {
    fc.assert(
      fc.property(
        secrets,
        fc.nat(1_000),
        fc.option(fc.constantFrom('a', 'b', 'x')),
        fc.boolean(),
        (list, now, preferred, probe) => {
          const order = tryingOrder(list, at(now, preferred ?? undefined, probe))
          assert.ok(order.includes(list[0]?.fingerprint ?? ''))
          assert.equal(new Set(order).size, order.length)
          const until = triedUntil(list, overlapMs)
          list.forEach(({ fingerprint }, index) => {
            assert.equal(order.includes(fingerprint), (until[index] ?? Number.POSITIVE_INFINITY) > now)
          })
        },
      ),
    )
  })
})
