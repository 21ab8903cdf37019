import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Looks, untilApplied } from '../../src/instances/until-applied.ts'

describe('waiting for instances, this one among them', () => {
  /** An instance that has applied 4 of the five changes that the database has, and no others. */
  function setting() {
    let stir = () => {}
    const seen = { looks: 0, here: { epoch: 1, applied: 4, confirmations: 9 }, newest: { epoch: 1, n: 5 } }
    const looks: Looks = {
      async look() {
        seen.looks += 1
        const row = { id: 'a', address: 'http://a', applied: seen.here.applied, startedAt: 0, leaseUntil: 0 }
        return { live: [row], newest: seen.newest }
      },
      here: () => seen.here,
      stirred: () => new Promise((resolve) => (stir = resolve)),
    }
    /** Everything that can go on has gone on when this resolves. */
    const stirred = () => {
      stir()
      return new Promise(setImmediate)
    }
    return { seen, stirred, everywhere: untilApplied(looks) }
  }

  it('does not look while it knows that it is behind itself, however often it is woken', async () => {
    const { seen, stirred, everywhere } = setting()
    const waiting = everywhere(5, 1)
    for (let times = 0; times < 5; times += 1) await stirred()
    assert.equal(seen.looks, 0)
    seen.here = { epoch: 1, applied: 5, confirmations: 10 }
    await stirred()
    await waiting
    assert.equal(seen.looks, 1)
  })

  it('looks when it has confirmed twice without it: the database may not have it any more', async () => {
    const { seen, stirred, everywhere } = setting()
    const waiting = assert.rejects(everywhere(6, 1), { code: 'TRY_AGAIN' })
    seen.here = { epoch: 1, applied: 5, confirmations: 10 }
    await stirred()
    assert.equal(seen.looks, 0)
    seen.here = { epoch: 1, applied: 5, confirmations: 11 }
    await stirred()
    await waiting
  })

  it('looks at once when another epoch began here', async () => {
    const { seen, everywhere } = setting()
    seen.here.epoch = 2
    seen.newest = { epoch: 2, n: 5 }
    await assert.rejects(everywhere(5, 1), { code: 'TRY_AGAIN' })
  })
})
