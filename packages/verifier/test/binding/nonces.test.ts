import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tokenBinding } from '../../src/binding/check.ts'
import { HandClock } from '../support/clock.ts'
import { NOW_MS, refused } from '../support/keys.ts'
import { bench, proofOf, sent } from './sender.ts'

const OLD = 'o'.repeat(32)
const NEW = 'n'.repeat(32)

function server(secrets: readonly string[], clock = new HandClock(NOW_MS)) {
  const binding = tokenBinding({ clock, dpop: { nonces: { secrets, replacedEveryMs: 60_000 } } })
  return { clock, nonce: () => String(binding.nonce()), check: binding.check }
}

describe('a server that wants nonces', () => {
  it('refuses a proof without one, and takes it with the one it named', () => {
    const { key, claims, present, binding } = bench({ dpop: { nonces: {} } })
    assert.throws(() => present(proofOf(key, claims())), refused('proof_nonce_required'))
    present(proofOf(key, claims({ nonce: binding.nonce() })))
  })

  for (const nonce of ['', 'guess', 7, null, ['x'], 'x'.repeat(22), 'é'.repeat(22)]) {
    it(`refuses ${JSON.stringify(nonce)}`, () => {
      const { key, claims, present } = bench({ dpop: { nonces: {} } })
      assert.throws(() => present(proofOf(key, claims({ nonce }))), refused('proof_nonce_required'))
    })
  }

  it('takes a nonce for at least the time after which it is replaced, and for twice that at most', () => {
    const { clock, key, claims, present, binding } = bench({ dpop: { nonces: { replacedEveryMs: 20_000 } } })
    const nonce = binding.nonce()
    const later = (ms: number) => {
      clock.advance(ms)
      present(proofOf(key, claims({ nonce, iat: clock.wallMs() / 1000 })))
    }
    later(20_000)
    assert.notEqual(binding.nonce(), nonce)
    later(19_999)
    assert.throws(() => later(1), refused('proof_nonce_required'))
  })

  it('uses up no proof that lacked a nonce', () => {
    const { key, claims, present, binding } = bench({ dpop: { nonces: {} } })
    const same = claims()
    assert.throws(() => present(proofOf(key, same)), refused('proof_nonce_required'))
    present(proofOf(key, { ...same, nonce: binding.nonce() }))
  })

  it('takes those of a replica with the same secret whose clock is a little ahead or behind', () => {
    const { key, token, text, claims } = bench()
    const here = server([NEW])
    for (const ms of [-60_000, 60_000]) {
      const nonce = server([NEW], new HandClock(NOW_MS + ms)).nonce()
      here.check(token, sent(text, { dpop: proofOf(key, claims({ nonce })) }))
    }
    const nonce = server([NEW], new HandClock(NOW_MS + 120_000)).nonce()
    const late = sent(text, { dpop: proofOf(key, claims({ nonce })) })
    assert.throws(() => here.check(token, late), refused('proof_nonce_required'))
  })

  it('takes those of an older secret while that is in the list, and names one of the newest', () => {
    const { key, token, text, claims } = bench()
    const nonce = server([OLD]).nonce()
    const presented = () => sent(text, { dpop: proofOf(key, claims({ nonce })) })
    server([NEW, OLD]).check(token, presented())
    assert.throws(() => server([NEW]).check(token, presented()), refused('proof_nonce_required'))
    assert.equal(server([NEW, OLD]).nonce(), server([NEW]).nonce())
  })

  it('has a secret of its own where none is given', () => {
    const clock = new HandClock(NOW_MS)
    const nonce = () => tokenBinding({ clock, dpop: { nonces: {} } }).nonce()
    assert.notEqual(nonce(), nonce())
    const random = (size: number) => new Uint8Array(size).fill(7)
    const given = () => tokenBinding({ clock, random, dpop: { nonces: {} } }).nonce()
    assert.equal(given(), given())
  })
})
