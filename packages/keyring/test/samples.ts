import { hash } from 'node:crypto'
import { type Evidence, noEvidence } from '../src/decide/evidence.ts'
import { type Keyring, newKeyring, stamp } from '../src/lifecycle/keyring.ts'
import { activate, markServed, prepare, retire, revoke } from '../src/lifecycle/transition.ts'
import type { ClientMaterial, Material } from '../src/lifecycle/version.ts'
import type { AnyPolicy, ClientPolicy } from '../src/policy/client.ts'
import { defaultPolicy, type Policy } from '../src/policy/signing.ts'

/** Where the clocks of tests start. */
export const startMs = Date.UTC(2026, 0, 1)

export function material(id: string): Material {
  return { id, publicPart: { kty: 'EC', kid: id }, sealedPrivate: `sealed private half of ${id}` }
}

/** Two hours of quiet; assertions live for six minutes. */
export const clientPolicy: ClientPolicy = { quietMs: 7_200_000, assertionMs: 360_000 }

/** A secret of a client, as it is kept: without the secret. */
export function secret(id: string): ClientMaterial {
  return { id, publicPart: { sha256: hash('sha256', id) } }
}

/** As a store would save it next. */
export function saved<P extends AnyPolicy>(previous: Keyring<P> | undefined, next: Keyring<P>): Keyring<P> {
  return stamp(previous, next, (previous?.revision ?? 0) + 1)
}

/** As it stands between two rotations: `first` is active, `second` in reserve, every instance serves both. Not saved. */
export function settled(name: string, nowMs: number, policy: Policy = defaultPolicy): Keyring {
  const keyring = prepare(newKeyring(name, 'signing-key', 'ES256', policy), material('first'), nowMs)
  const active = activate(markServed(keyring, 'first', nowMs), 'first', nowMs)
  return markServed(prepare(active, material('second'), nowMs), 'second', nowMs)
}

/** One version in each state, named by it. */
export function everyState(nowMs: number): Keyring {
  const used = (keyring: Keyring, id: string) => activate(prepare(keyring, material(id), nowMs), id, nowMs)
  let keyring = used(newKeyring('signing-es256', 'signing-key', 'ES256', defaultPolicy), 'retired')
  keyring = retire(used(keyring, 'revoked'), 'retired', nowMs)
  keyring = revoke(used(keyring, 'retiring'), 'revoked', { reason: 'stolen' }, nowMs)
  return saved(undefined, prepare(used(keyring, 'active'), material('prepared'), nowMs))
}

/** What is known when the instances have applied, and the verifiers hold, the revisions given; all leases end far ahead. */
export function evidence(
  instances: Record<string, number>,
  verifiers: Record<string, number> = {},
  leaseUntil = startMs + 10_000,
): Evidence {
  return {
    instances: Object.entries(instances).map(([id, applied]) => ({ id, applied, leaseUntil })),
    verifiers: Object.entries(verifiers).map(([id, holds]) => ({ id, holds, algorithms: ['ES256'], leaseUntil })),
  }
}

/** Everybody is up to date. */
export const upToDate: Evidence = { ...noEvidence, instances: [] }

/** Property tests run this many times; `SLOW=1` asks for many more. */
export function runs(count: number): { numRuns: number } {
  return { numRuns: process.env.SLOW === '1' ? count * 50 : count }
}
