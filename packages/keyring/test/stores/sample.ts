import assert from 'node:assert/strict'
import { succeed } from '../../src/lifecycle/client.ts'
import { type Keyring, newClientKeyring, versionOf } from '../../src/lifecycle/keyring.ts'
import { activate, prepare, requestRotation, revoke } from '../../src/lifecycle/transition.ts'
import type { AnyPolicy, ClientPolicy } from '../../src/policy/client.ts'
import { defaultPolicy, type Policy } from '../../src/policy/signing.ts'
import { clientPolicy, material, secret, settled } from '../samples.ts'

/** A sort of keyring as the conformance of stores is tried with it. */
export interface Sample<P extends AnyPolicy> {
  /** It has the versions `first` and `second`, and nothing is due at once. */
  create(name: string, now: number): Keyring<P>
  /** A change that can be told from others. */
  mark(keyring: Keyring<P>, by: string): Keyring<P>
  markOf(keyring: Keyring<P>): string | undefined
  add(keyring: Keyring<P>, id: string, now: number): Keyring<P>
  /** A change that is no business of those who accept by the keyring. */
  inside(keyring: Keyring<P>): Keyring<P>
  revoke(keyring: Keyring<P>): Keyring<P>
  /** When something is due for a keyring as it was created. */
  dueAt(keyring: Keyring<P>): number
  /** Asks for what the loop has to do at once; where there is such a thing. */
  ask?(keyring: Keyring<P>): Keyring<P>
}

const timeOf = (time: number | undefined): number => time ?? assert.fail('it has no such time')
const leaked = { reason: 'leaked', incident: 'INC-1' }
const ask = (keyring: Keyring, by = 'ops') => requestRotation(keyring, { by, forced: true }, 1)

export const signingSample: Sample<Policy> = {
  create: settled,
  mark: ask,
  markOf: (keyring) => keyring.rotation?.by,
  add: (keyring, id, now) => prepare(keyring, material(id), now),
  inside: (keyring) => activate(keyring, 'second', 1),
  revoke: (keyring) => revoke(keyring, 'first', leaked, 4),
  dueAt: (keyring) => timeOf(versionOf(keyring, 'first').activatedAt) + defaultPolicy.rotateEveryMs,
  ask,
}

const dayMs = 86_400_000

export const clientSample: Sample<ClientPolicy> = {
  create: (name, now) => {
    const first = succeed(newClientKeyring(name, 'client-secret', clientPolicy), secret('first'), null, now)
    return succeed(first, { ...secret('second'), expiresAt: now + 7 * dayMs }, now + dayMs, now)
  },
  mark: (keyring, by) => revoke(keyring, 'first', { reason: by }, 1),
  markOf: (keyring) => versionOf(keyring, 'first').reason,
  add: (keyring, id, now) => succeed(keyring, secret(id), now + dayMs, now),
  inside: (keyring) => ({ ...keyring, policy: { ...keyring.policy, assertionMs: 1 } }),
  revoke: (keyring) => revoke(keyring, 'first', leaked, 4),
  dueAt: (keyring) => timeOf(versionOf(keyring, 'first').retiringAt) + clientPolicy.quietMs,
}
