import assert from 'node:assert/strict'
import { decide } from '../../src/decide/decide.ts'
import type { Evidence, Use } from '../../src/decide/evidence.ts'
import { closeKeyring, isClosed, succeed } from '../../src/lifecycle/client.ts'
import {
  activeVersion,
  type ClientKeyring,
  type ClientKindName,
  newClientKeyring,
} from '../../src/lifecycle/keyring.ts'
import { retire, revoke } from '../../src/lifecycle/transition.ts'
import { isAcceptedAt } from '../../src/lifecycle/version.ts'
import { secret, startMs } from '../samples.ts'

const quietMs = 50

/** What a version's holder was promised about it, kept apart from what its document says. */
interface Promised {
  id: string
  /** When it ends by the clock. */
  end: number
  /** It was taken away before: by a rotation without an overlap, a revocation, or because it was out of use. */
  gone: boolean
  /** Since when another one is in its place. */
  replacedAt: number
}

/** A client, its keyring, and what was promised to it. */
export class World {
  now = startMs
  keyring: ClientKeyring
  readonly promised: Promised[] = []
  readonly uses = new Map<string, Use>()
  readonly happened = new Set<string>()

  constructor(kind: ClientKindName) {
    this.keyring = newClientKeyring('credential-1', kind, { quietMs, assertionMs: 20 })
    this.rotate(null, null)
  }

  accepts = (id: string) => {
    const version = this.keyring.versions.find((candidate) => candidate.id === id)
    return version !== undefined && isAcceptedAt(version, this.now)
  }

  holds = ({ gone, end }: Promised) => !gone && this.now < end

  rotate(overlapMs: number | null, lifeMs: number | null): void {
    const id = `v${this.promised.length}`
    const former = activeVersion(this.keyring)?.id
    if (isClosed(this.keyring)) {
      assert.throws(() => succeed(this.keyring, secret(id), overlapMs, this.now), { code: 'KEYRING_CLOSED' })
      this.happened.add('what is closed is given nothing')
      return
    }
    const overlapUntil = overlapMs === null ? null : this.now + overlapMs
    const material = { ...secret(id), ...(lifeMs === null ? {} : { expiresAt: this.now + lifeMs }) }
    this.keyring = succeed(this.keyring, material, overlapUntil, this.now)
    for (const older of this.promised) {
      if (overlapUntil === null) older.gone = true
      if (older.id !== former) continue
      older.end = Math.min(older.end, overlapUntil ?? older.end)
      older.replacedAt = this.now
    }
    const end = lifeMs === null ? Number.POSITIVE_INFINITY : this.now + lifeMs
    this.promised.push({ id, end, gone: false, replacedAt: Number.NaN })
    if (overlapUntil !== null) return
    assert.deepEqual(this.promised.map(({ id }) => id).filter(this.accepts), [id], 'without an overlap one is accepted')
  }

  use(which: number): void {
    const { id } = this.some(which)
    if (this.accepts(id)) this.uses.set(id, { firstAt: this.uses.get(id)?.firstAt ?? this.now, lastAt: this.now })
  }

  revoke(which: number): void {
    const version = this.some(which)
    const state = this.keyring.versions.find(({ id }) => id === version.id)?.state
    if (state !== 'active' && state !== 'retiring') return
    this.keyring = revoke(this.keyring, version.id, { reason: 'leaked' }, this.now)
    version.gone = true
    this.happened.add(`one that is ${state} is revoked`)
  }

  close(): void {
    this.keyring = closeKeyring(this.keyring, { reason: 'over' }, this.now)
    for (const version of this.promised) version.gone = true
    assert.equal(activeVersion(this.keyring), undefined)
    this.happened.add('closed')
  }

  /** Does what is due, and looks at when it would have been. */
  settle(): void {
    const known: Evidence = { instances: [], verifiers: [], uses: this.uses }
    for (const step of decide(this.keyring, known, this.now).steps) {
      if (step.do !== 'retire') assert.fail(`${step.do} is nothing for a keyring that a client holds`)
      this.checkRetirement(this.promised.find(({ id }) => id === step.id) ?? assert.fail())
      this.keyring = retire(this.keyring, step.id, this.now)
    }
    const { steps, waiting, nextDecisionAt } = decide(this.keyring, known, this.now)
    assert.deepEqual(steps, [])
    assert.equal(waiting.length, this.keyring.versions.filter(({ state }) => state === 'retiring').length)
    if (nextDecisionAt === null) {
      assert.deepEqual(waiting, [])
      return
    }
    assert.ok(nextDecisionAt > this.now, 'it is looked at without a pause')
    assert.deepEqual(decide(this.keyring, known, nextDecisionAt - 1).steps, [], 'it is looked at too late')
    if (waiting.length > 1) this.happened.add('several are retiring')
    for (const { id, opensAt } of waiting) {
      if (opensAt === null) assert.fail('every overlap ends')
      // A client that has moved on to what ends before has not moved on any more.
      if (this.promised.some((other) => other.id !== id && other.end > this.now && other.end <= opensAt)) continue
      const then = decide(this.keyring, known, opensAt).steps
      assert.ok(
        then.some((step) => step.do === 'retire' && step.id === id),
        'what was announced does not happen',
      )
    }
  }

  checkRetirement(version: Promised): void {
    if (this.now >= version.end) {
      this.happened.add('one is retired at its end')
      return
    }
    const later = this.promised.slice(this.promised.indexOf(version) + 1)
    assert.ok(
      later.some((other) => this.holds(other) && this.uses.has(other.id)),
      'the client has not moved on',
    )
    const quietSince = Math.max(version.replacedAt, this.uses.get(version.id)?.lastAt ?? 0)
    assert.ok(this.now >= quietSince + quietMs, 'it was seen a moment ago')
    assert.equal(this.keyring.kind, 'client-secret')
    version.gone = true
    this.happened.add('one is retired because it is out of use')
  }

  /** Counted from the youngest. */
  some = (which: number) => this.promised.at(-1 - (which % this.promised.length)) ?? assert.fail('there is no version')
}
