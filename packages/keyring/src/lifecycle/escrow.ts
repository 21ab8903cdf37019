/** What becomes of the private part of a version when that ends. */
import { kinds } from '../kinds/table.ts'
import type { AnyPolicy } from '../policy/client.ts'
import type { Policy } from '../policy/signing.ts'
import { update, withoutPrivate } from './change.ts'
import type { Keyring } from './keyring.ts'
import type { Version } from './version.ts'

/** How a version ends. */
export type End = 'retired' | 'revoked'

/** Takes in the private part of a retiring version that was supplied from outside, so that it can lie in escrow. */
export function sealGiven<P extends AnyPolicy>(keyring: Keyring<P>, id: string, sealedPrivate: string): Keyring<P> {
  return update(keyring, id, ['retiring'], (version) => ({ ...version, sealedPrivate }))
}

/** Throws away the private part of a version that lay in escrow. */
export function endEscrow<P extends AnyPolicy>(keyring: Keyring<P>, id: string): Keyring<P> {
  return update(keyring, id, ['retired', 'revoked'], withoutPrivate)
}

/** The private part goes with the end of a version, or lies in escrow for as long as its kind says. */
export function intoEscrow(keyring: Keyring<AnyPolicy>, version: Version, end: End, now: number): Version {
  const forMs = escrowAfter(keyring, version, end)
  const isKept = forMs > 0 && version.sealedPrivate !== undefined
  return isKept ? { ...version, escrowedUntil: now + forMs } : withoutPrivate(version)
}

/** For how long a version lies in escrow after its end. One that was never in use made nothing. */
export function escrowAfter({ kind: name, policy }: Keyring<AnyPolicy>, { activatedAt }: Version, end: End): number {
  const kind = kinds[name]
  if (kind.holder !== 'instances' || activatedAt === undefined) return 0
  // Which policy a keyring has follows from its kind.
  return kind.escrowMs?.(policy as Policy, end) ?? 0
}
