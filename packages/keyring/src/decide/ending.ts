/** How versions end that are not to be produced with any more: what is due for them, and what they wait for. */
import type { InstanceKind } from '../kinds/kind.ts'
import { type End, escrowAfter } from '../lifecycle/escrow.ts'
import type { Keyring } from '../lifecycle/keyring.ts'

import type { Revocation, Version } from '../lifecycle/version.ts'
import type { Outcome, Waiting } from './decide.ts'
import type { Evidence } from './evidence.ts'

/** What the decision about one version looks at. */
export interface View {
  kind: InstanceKind
  keyring: Keyring
  evidence: Evidence
  behind: Evidence['instances']
  now: number
}

/**
 * A version that nobody produces with can go at once, unless its kind wants something to be so before; the active one waits
 * until it is replaced everywhere.
 */
export function revocation(view: View, version: Version): Outcome[] {
  if (!version.revocation) return []
  const { behind, kind } = view
  const unused = version.state === 'prepared' || version.demotedAt !== undefined || behind.length === 0
  if (!unused) return [{ wait: onInstances('revoke', 'demoted', version, behind, version.revocation.requestedAt) }]
  const asks = kind.released !== undefined && version.state === 'retiring'
  return asks ? release(view, version, version.revocation) : lastStep(view, version, 'revoked')
}

function release(view: View, version: Version, asked: Revocation): Outcome[] {
  const { kind, keyring, evidence, behind, now } = view
  if (version.demotedAt === undefined) return demotion(version, behind)
  const gate = kind.released?.(keyring, version, evidence, now) ?? { open: true }
  if (gate.open) return lastStep(view, version, 'revoked')
  const { for: parties, opensAt } = gate
  const wait = { step: 'revoke', id: version.id, gate: 'drained', for: parties, opensAt } as const
  return [{ wait: { ...wait, since: asked.requestedAt } }]
}

/** What lies in escrow afterwards must be at hand: what was supplied from outside is taken in first. */
function lastStep({ keyring }: View, version: Version, end: End): Outcome[] {
  const { id, isGiven, sealedPrivate, revocation } = version
  const isOutside = isGiven === true && sealedPrivate === undefined
  if (isOutside && escrowAfter(keyring, version, end) > 0) return [{ due: { do: 'seal-given', id } }]
  if (end === 'revoked' && revocation) return [{ due: { do: 'revoke', id, revocation } }]
  return [{ due: { do: 'retire', id } }]
}

export function escrow({ id, state, sealedPrivate, escrowedUntil }: Version, now: number): Outcome[] {
  const isOver = state === 'retired' || state === 'revoked'
  if (!isOver || sealedPrivate === undefined || escrowedUntil === undefined) return []
  return now >= escrowedUntil ? [{ due: { do: 'end-escrow', id } }] : [{ at: escrowedUntil }]
}

/** A version that was replaced: it is demoted, perhaps forgotten, and retired. */
export function ending(view: View, version: Version): Outcome[] {
  if (version.revocation) return []
  return [...demotion(version, view.behind), ...forgetting(view, version), ...retirement(view, version)]
}

function demotion(version: Version, behind: Evidence['instances']): Outcome[] {
  if (version.demotedAt !== undefined) return []
  if (behind.length === 0) return [{ due: { do: 'mark-demoted', id: version.id } }]
  return [{ wait: onInstances('demote', 'demoted', version, behind, version.retiringAt ?? 0) }]
}

function forgetting({ kind, keyring, now }: View, version: Version): Outcome[] {
  if (kind.acceptsByPrivate || version.demotedAt === undefined || version.sealedPrivate === undefined) return []
  const at = (version.retiringAt ?? 0) + keyring.policy.rollbackWindowMs
  return now >= at ? [{ due: { do: 'erase-private', id: version.id } }] : [{ at }]
}

function retirement(view: View, version: Version): Outcome[] {
  const { kind, keyring, evidence, now } = view
  if (version.demotedAt === undefined) return []
  const gate = kind.drained(keyring, version, evidence, now)
  if (gate.open) return lastStep(view, version, 'retired')
  const { for: parties, opensAt, isEmptied = false } = gate
  return [
    ...(isEmptied && version.emptiedAt === undefined ? [{ due: { do: 'mark-emptied', id: version.id } } as const] : []),
    { wait: { step: 'retire', id: version.id, gate: 'drained', for: parties, opensAt, since: version.demotedAt } },
  ]
}

/** An instance that does not answer stops mattering when its lease is over. */
export function onInstances(
  step: Waiting['step'],
  gate: Waiting['gate'],
  version: Version,
  behind: Evidence['instances'],
  since: number,
): Waiting {
  const opensAt = Math.max(...behind.map((instance) => instance.leaseUntil))
  return {
    step,
    gate,
    id: version.id,
    for: behind.map((instance) => `instance ${instance.id}`),
    opensAt: Number.isFinite(opensAt) ? opensAt : null,
    since,
  }
}
