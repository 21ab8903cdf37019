/**
 * Every change that a keyring can go through, as pure functions from one document to the next; those of the escrow are in
 * `escrow.ts`. They enforce the state machine told in version.ts and nothing else: *when* a change is due is decided in `decide/`.
 */
import { KeyringError } from '../error.ts'
import { kinds } from '../kinds/table.ts'
import type { AnyPolicy } from '../policy/client.ts'
import { checkPolicy, type Policy } from '../policy/signing.ts'
import { update, withoutPrivate } from './change.ts'
import { intoEscrow } from './escrow.ts'
import { activeVersion, type Keyring, standbyVersion, versionOf } from './keyring.ts'
import type { Material, Version } from './version.ts'

/**
 * Retired versions beyond this many leave the document; the audit has them. Revoked ones never leave it, nor do given ones: what
 * was forgotten would be taken in as new from whoever was started with a list of long ago, and even be produced with. People give
 * them, so they stay few; one whose secret is gone is some 200 bytes.
 */
const retiredKept = 16

export function prepare<P extends AnyPolicy>(keyring: Keyring<P>, material: Material, now: number): Keyring<P> {
  if (keyring.versions.some((version) => version.id === material.id)) {
    throw new KeyringError('VERSION_REUSED', `keyring ${keyring.name} already had a version ${material.id}`)
  }
  const version: Version = { ...material, state: 'prepared', since: 0, preparedAt: now }
  return { ...keyring, versions: [...keyring.versions, version] }
}

/**
 * Takes in a version that was produced with elsewhere and is not to be produced with here: it is accepted until what hangs
 * on it has drained, like one that was replaced at this moment.
 */
export function acceptFormer(keyring: Keyring, material: Material, now: number): Keyring {
  const known = keyring.versions.length
  const taken = update(prepare(keyring, material, now), material.id, ['prepared'], (version) => ({
    ...version,
    state: 'retiring',
    retiringAt: now,
  }))
  // In front: the versions stand in the order of their age.
  return { ...taken, versions: [...taken.versions.slice(known), ...keyring.versions] }
}

/** Records that every live instance serves a prepared or active version: from now on readers can have it. */
export function markServed<P extends AnyPolicy>(keyring: Keyring<P>, id: string, now: number): Keyring<P> {
  return update(keyring, id, ['prepared', 'active'], (version) => ({ ...version, servedAt: now }))
}

/** Makes a prepared version the active one and demotes the active one, in the same document. Ends a pending rotation. */
export function activate<P extends AnyPolicy>(keyring: Keyring<P>, id: string, now: number): Keyring<P> {
  if (versionOf(keyring, id).revocation) {
    throw new KeyringError('ILLEGAL_TRANSITION', `version ${id} of ${keyring.name} is to be revoked`, { id })
  }
  const next = update(demoteActive(keyring, now), id, ['prepared'], (version) => ({
    ...version,
    state: 'active',
    activatedAt: now,
  }))
  return withoutRotation(next)
}

/** Swaps the active version and the one that it replaced last; possible while that one's private half is kept. */
export function rollBack(keyring: Keyring, now: number): Keyring {
  if (keyring.rotation) throw underWay(keyring)
  const target = keyring.versions
    .filter((version) => version.state === 'retiring' && !version.revocation && hasSecret(keyring, version))
    .reduce<Version | undefined>((a, b) => ((a?.retiringAt ?? 0) > (b.retiringAt ?? 0) ? a : b), undefined)
  if (!target) {
    throw new KeyringError('NOTHING_TO_ROLL_BACK', `no retiring version of ${keyring.name} still has its private half`)
  }
  return update(demoteActive(keyring, now), target.id, ['retiring'], (version) => {
    const { retiringAt: _retiring, demotedAt: _demoted, emptiedAt: _emptied, ...kept } = version
    return { ...kept, state: 'active', activatedAt: now }
  })
}

/** Records that no live instance produces with a retiring version any more: from now on what it produced runs out. */
export function markDemoted<P extends AnyPolicy>(keyring: Keyring<P>, id: string, now: number): Keyring<P> {
  return update(keyring, id, ['retiring'], (version) => ({ ...version, demotedAt: now }))
}

/** Records that nothing hangs on a retiring version any more. */
export function markEmptied<P extends AnyPolicy>(keyring: Keyring<P>, id: string, now: number): Keyring<P> {
  return update(keyring, id, ['retiring'], (version) => ({ ...version, emptiedAt: now }))
}

/** Throws the private half of a retiring version away; it can no longer be rolled back to. */
export function erasePrivate<P extends AnyPolicy>(keyring: Keyring<P>, id: string): Keyring<P> {
  return update(keyring, id, ['retiring'], withoutPrivate)
}

export function retire<P extends AnyPolicy>(keyring: Keyring<P>, id: string, now: number): Keyring<P> {
  return forgetOldest(
    update(keyring, id, ['retiring'], (version) => ({
      ...intoEscrow(keyring, version, 'retired', now),
      state: 'retired',
      retiredAt: now,
    })),
  )
}

/** Gives up a prepared version that was never used. Ends a rotation that was waiting for it. */
export function discard(keyring: Keyring, id: string, now: number): Keyring {
  const waitedFor = standbyVersion(keyring)?.id === id
  const next = forgetOldest(
    update(keyring, id, ['prepared'], (version) => ({
      ...withoutPrivate(version),
      state: 'retired',
      retiredAt: now,
    })),
  )
  return waitedFor ? withoutRotation(next) : next
}

/**
 * Asks for a version to be revoked; the loop carries it out, whatever happens to the one who asked. The active version is
 * replaced first, so there must be a version that can take over.
 *
 * @throws KeyringError `NO_SUCCESSOR`, `ILLEGAL_TRANSITION` for a retired version
 */
export function requestRevocation(
  keyring: Keyring,
  id: string,
  request: { by: string; reason: string; incident?: string },
  now: number,
): Keyring {
  const target = versionOf(keyring, id)
  if (target.state === 'revoked' || target.revocation) return keyring
  if (target.state === 'active' && !standbyVersion(keyring)) throw noSuccessor(keyring, id)
  return update(keyring, id, ['prepared', 'active', 'retiring'], (version) => ({
    ...version,
    revocation: { requestedAt: now, ...request },
  }))
}

/**
 * Refuses a version at once and for ever. The active version that our instances sign by cannot be revoked as such: its
 * successor must have been activated first, or nothing could be signed. A client's can: the client is locked out by it.
 *
 * @throws KeyringError `NO_SUCCESSOR` for the active version of a keyring of ours, `ILLEGAL_TRANSITION` for a retired one
 */
export function revoke<P extends AnyPolicy>(
  keyring: Keyring<P>,
  id: string,
  cause: { reason: string; incident?: string },
  now: number,
): Keyring<P> {
  const target = versionOf(keyring, id)
  if (target.state === 'revoked') return keyring
  if (target.state === 'active' && kinds[keyring.kind].holder === 'instances') throw noSuccessor(keyring, id)
  return update(keyring, id, ['prepared', 'active', 'retiring'], (version) => {
    const { revocation: _carriedOut, ...kept } = intoEscrow(keyring, version, 'revoked', now)
    return { ...kept, state: 'revoked', revokedAt: now, ...cause }
  })
}

/**
 * Asks for a rotation; the loop carries it out. A second request is refused unless it adds force.
 *
 * @throws KeyringError `ROTATION_UNDER_WAY`
 */
export function requestRotation(
  keyring: Keyring,
  request: { by: string; forced: boolean; reason?: string },
  now: number,
): Keyring {
  const upgrades = request.forced && keyring.rotation?.forced === false
  if (keyring.rotation && !upgrades) throw underWay(keyring)
  return { ...keyring, rotation: { requestedAt: now, ...request } }
}

/**
 * Takes over a policy. What others may already rely on is only ever raised: how long signed tokens may live and how
 * long a JWKS that was handed out may be cached.
 */
export function adoptPolicy(keyring: Keyring, policy: Policy): Keyring {
  const jwksMaxAgeMs = Math.max(policy.jwksMaxAgeMs, keyring.policy.jwksMaxAgeMs)
  const anonymous = policy.anonymousPropagationMs
  const merged: Policy = {
    ...policy,
    maxTokenTtlMs: Math.max(policy.maxTokenTtlMs, keyring.policy.maxTokenTtlMs),
    jwksMaxAgeMs,
    anonymousPropagationMs: anonymous === 0 ? 0 : Math.max(anonymous, jwksMaxAgeMs + policy.skewMs),
  }
  checkPolicy(merged)
  return { ...keyring, policy: merged }
}

function noSuccessor(keyring: Keyring<AnyPolicy>, id: string): KeyringError {
  return new KeyringError(
    'NO_SUCCESSOR',
    `${id} is the only version of ${keyring.name} that can be used: without a prepared successor it cannot be revoked`,
    { id },
  )
}

function demoteActive<P extends AnyPolicy>(keyring: Keyring<P>, now: number): Keyring<P> {
  const active = activeVersion(keyring)
  if (!active) return keyring
  return update(keyring, active.id, ['active'], (version) => ({ ...version, state: 'retiring', retiringAt: now }))
}

/** Is what it takes to produce with a version still to be had? */
function hasSecret(keyring: Keyring, { sealedPrivate, isGiven }: Version): boolean {
  return sealedPrivate !== undefined || (isGiven === true && kinds[keyring.kind].mayBeSupplied === true)
}

function withoutRotation<P extends AnyPolicy>(keyring: Keyring<P>): Keyring<P> {
  const { rotation: _done, ...kept } = keyring
  return kept
}

function forgetOldest<P extends AnyPolicy>(keyring: Keyring<P>): Keyring<P> {
  const surplus = keyring.versions
    .filter(({ state, isGiven, sealedPrivate }) => state === 'retired' && !isGiven && sealedPrivate === undefined)
    .slice(0, -retiredKept)
  return { ...keyring, versions: keyring.versions.filter((version) => !surplus.includes(version)) }
}

function underWay(keyring: Keyring): KeyringError {
  return new KeyringError(
    'ROTATION_UNDER_WAY',
    `a rotation of ${keyring.name} is under way; it ends when its successor is active, or by discarding that one`,
    { rotation: keyring.rotation },
  )
}
