import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ShownKeyring, ShownWaiting } from '../../src/administration/shapes.ts'
import { GateWatch, waitingLine } from '../../src/phases/gates.ts'

const at = (second: number) => new Date(second * 1_000).toISOString()

const wait = (step: string, version: string, ...parties: string[]): ShownWaiting => {
  return { step, version, gate: 'x', for: parties, opensAt: null }
}

const keyring = (waiting: ShownWaiting[], old: object = {}): ShownKeyring => {
  return { name: 'signing-rs256', algorithm: 'RS256', waiting, versions: [{ id: 'old', state: 'retiring', ...old }] }
}

describe('the watch on the gates of a rotation', () => {
  it('tells of each gate how long it took and for whom', () => {
    const watch = new GateWatch('old')
    watch.see(keyring([wait('activate', 'new', 'verifier feed/1', 'anonymous readers')]))
    watch.see(keyring([wait('activate', 'new', 'anonymous readers')]))
    watch.see(keyring([wait('retire', 'old', 'tokens signed by old')]))
    const times = { retiringAt: at(70), demotedAt: at(71), retiredAt: at(136) }
    assert.deepEqual(watch.waits(keyring([], times), at(10)), [
      { before: 'the new key signs', waitedMs: 60_000, for: ['verifier feed/1', 'anonymous readers'] },
      { before: 'the old one is out of use', waitedMs: 1_000, for: [] },
      { before: 'the old one is dropped', waitedMs: 65_000, for: ['tokens signed by old'] },
    ])
  })

  it('leaves out what is about other versions', () => {
    const watch = new GateWatch('old')
    const seen = watch.see(
      keyring([wait('retire', 'older', 'tokens signed by older'), wait('serve', 'next', 'instance 1')]),
    )
    assert.deepEqual(seen, [])
  })

  it('does not make up a time that the keyring does not tell', () => {
    assert.throws(() => new GateWatch('old').waits(keyring([], { retiringAt: at(1) }), at(0)), /demotedAt/)
  })

  it('tells what closed gates wait for', () => {
    assert.equal(waitingLine([wait('retire', 'old', 'a', 'b')]), 'for a, b')
    const opening = { ...wait('activate', 'new', 'c'), opensAt: new Date(2026, 0, 2, 14, 5, 10).toISOString() }
    assert.equal(waitingLine([opening]), 'until 14:05:10 for c')
    assert.equal(waitingLine([]), '')
  })
})
