import { isDeepStrictEqual } from 'node:util'
import { activeVersion, type InstanceKindName, type Keyring, newKeyring } from '../lifecycle/keyring.ts'
import { activate, adoptPolicy, prepare, requestRotation } from '../lifecycle/transition.ts'
import type { Policy } from '../policy/signing.ts'
import { checkPolicy } from '../policy/signing.ts'
import type { Hands } from './carry-out.ts'

/** A rotation forced by a flag at start is a no-op on the 2nd to Nth replica: the active version is younger than this. */
export const forcedRotationMinAgeMs = 10 * 60_000

/**
 * Makes sure at start that a keyring exists, with one active version and one in reserve, under the policy given. Its kind is
 * `signing-key` unless another is wanted.
 *
 * Its first version is active from the first save, so that there always is one. Nobody was seen to serve it yet: in an
 * estate that issues tokens by another keyring, that is found out before tokens are issued by this one. Several
 * instances that start at once on an empty store end with one keyring; the others throw their keys away.
 *
 * @throws KeyringError `POLICY_INVALID`
 */
export async function ensureKeyring(
  hands: Pick<Hands, 'store' | 'make'>,
  wanted: { name: string; kind?: InstanceKindName; algorithm: string; policy: Policy },
): Promise<Keyring> {
  checkPolicy(wanted.policy)
  for (;;) {
    const existing = await hands.store.load(wanted.name)
    const next = existing ? adoptPolicy(existing, wanted.policy) : await first(hands, wanted)
    if (existing && isDeepStrictEqual(next.policy, existing.policy)) return existing
    const saved = await hands.store.save(existing, next, {
      action: existing ? 'keyring.policy_changed' : 'keyring.created',
      actor: 'rekey',
      details: { policy: next.policy },
    })
    if (saved) return saved
  }
}

async function first(hands: Pick<Hands, 'store' | 'make'>, wanted: Parameters<typeof ensureKeyring>[1]) {
  const empty = newKeyring(wanted.name, wanted.kind ?? 'signing-key', wanted.algorithm, wanted.policy)
  const [active, standby] = await Promise.all([hands.make(empty), hands.make(empty)])
  const now = await hands.store.now()
  return prepare(activate(prepare(empty, active, now), active.id, now), standby, now)
}

/**
 * Asks for a rotation unless the active version is young or a rotation is under way already, so that a flag given to N
 * replicas rotates once.
 */
export function requestForcedRotation(keyring: Keyring, now: number): Keyring {
  const activatedAt = activeVersion(keyring)?.activatedAt ?? now
  if (keyring.rotation || now - activatedAt < forcedRotationMinAgeMs) return keyring
  return requestRotation(keyring, { by: 'start-up flag', forced: false }, now)
}
