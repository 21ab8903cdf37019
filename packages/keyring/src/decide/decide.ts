import type { InstanceKind } from '../kinds/kind.ts'
import { kinds } from '../kinds/table.ts'
import { activeVersion, type ClientKeyring, type Keyring, standbyVersion } from '../lifecycle/keyring.ts'
import type { Revocation, Version } from '../lifecycle/version.ts'
import type { AnyPolicy } from '../policy/client.ts'
import { clientOutcomes } from './client.ts'
import { ending, escrow, onInstances, revocation, type View } from './ending.ts'
import type { Evidence } from './evidence.ts'

/** A change that is due now. `id` names the version it is about. */
export type Step =
  | { do: 'prepare' }
  | { do: 'mark-served'; id: string }
  | { do: 'activate'; id: string }
  | { do: 'mark-demoted'; id: string }
  | { do: 'mark-emptied'; id: string }
  | { do: 'erase-private'; id: string }
  | { do: 'seal-given'; id: string }
  | { do: 'end-escrow'; id: string }
  | { do: 'retire'; id: string }
  | { do: 'revoke'; id: string; revocation: Revocation }

/** A change that is wanted and not due yet, and why. */
export interface Waiting {
  step: 'prepare' | 'serve' | 'activate' | 'demote' | 'retire' | 'revoke'
  /** The version it is about; where one is to be prepared, that which it is to replace. */
  id: string
  gate: 'supplied' | 'served' | 'propagated' | 'demoted' | 'drained'
  for: string[]
  /** When it opens by itself; `null` when that depends on somebody. Milliseconds since the epoch. */
  opensAt: number | null
  /** Since when it is wanted. Milliseconds since the epoch. */
  since: number
}

export interface Decision {
  steps: Step[]
  waiting: Waiting[]
  /**
   * When to decide again if no new evidence comes before; `now` itself when the next step hangs on evidence alone.
   * `null` when nothing will ever be due by itself.
   */
  nextDecisionAt: number | null
}

/**
 * Decides what is due for a keyring, and says for everything else that is wanted what it waits for.
 *
 * This is the only place that knows when a version may change its state. It looks at nothing but its arguments, and what
 * it returns is data: carrying out a step, and losing the race to do so, is the business of `loop/`.
 */
export function decide(keyring: Keyring<AnyPolicy>, evidence: Evidence, now: number): Decision {
  const kind = kinds[keyring.kind]
  // Which policy a keyring has follows from its kind.
  const outcomes =
    kind.holder === 'client'
      ? clientOutcomes(kind, keyring as ClientKeyring, evidence, now)
      : instanceOutcomes(kind, keyring as Keyring, evidence, now)
  return summarise(outcomes, now)
}

/** Something is due, or waited for, or to be looked at again at some time. */
export type Outcome = { due: Step } | { wait: Waiting } | { at: number }

function instanceOutcomes(kind: InstanceKind, keyring: Keyring, evidence: Evidence, now: number): Outcome[] {
  const behind = evidence.instances.filter((instance) => instance.applied < keyring.revision)
  const view: View = { kind, keyring, evidence, behind, now }
  const inState = (state: Version['state']) => keyring.versions.filter((version) => version.state === state)
  // What is due first is done first: making a key takes time, and nothing may have to wait for that.
  return [
    ...[...inState('prepared'), ...inState('retiring')].flatMap((version) => revocation(view, version)),
    ...inState('prepared').flatMap((version) => serve(version, behind)),
    ...succession(kind, keyring, evidence, now),
    // The first version of a keyring is active from the start. Nothing waits for it unless tokens are to be issued by it.
    ...inState('active').flatMap((version) => serve(version, behind)),
    ...inState('retiring').flatMap((version) => ending(view, version)),
    ...keyring.versions.flatMap((version) => escrow(version, now)),
    ...reserve(kind, keyring, now),
  ]
}

/** While everybody is told of a revocation, nothing that can wait gets in its way: a thousand verifiers hear of either. */
const revocationHasTheWayMs = 250

function reserve(kind: InstanceKind, keyring: Keyring, now: number): Outcome[] {
  if (!kind.standby || standbyVersion(keyring) || isSupplied(kind, keyring)) return []
  const revokedAt = Math.max(...keyring.versions.map((version) => version.revokedAt ?? Number.NEGATIVE_INFINITY))
  const waits = activeVersion(keyring) && now >= revokedAt && now < revokedAt + revocationHasTheWayMs
  return waits ? [{ at: revokedAt + revocationHasTheWayMs }] : [{ due: { do: 'prepare' } }]
}

/** Does what it produces with come from outside? Then nobody here can make its successor. */
function isSupplied(kind: InstanceKind, keyring: Keyring): boolean {
  return kind.mayBeSupplied === true && activeVersion(keyring)?.isGiven === true
}

function serve(version: Version, behind: Evidence['instances']): Outcome[] {
  if (version.servedAt !== undefined) return []
  if (behind.length === 0) return [{ due: { do: 'mark-served', id: version.id } }]
  return [{ wait: onInstances('serve', 'served', version, behind, version.preparedAt) }]
}

function succession(kind: InstanceKind, keyring: Keyring, evidence: Evidence, now: number): Outcome[] {
  const active = activeVersion(keyring)
  const scheduledAt = (active?.activatedAt ?? now) + keyring.policy.rotateEveryMs
  const requestedAt = active?.revocation?.requestedAt ?? keyring.rotation?.requestedAt
  // What was asked for is wanted, also when the clock was set back behind the moment at which it was.
  if (requestedAt === undefined && now < scheduledAt) return [{ at: scheduledAt }]
  const successor = standbyVersion(keyring)
  if (!successor) return active && isSupplied(kind, keyring) ? [unsupplied(active, requestedAt ?? scheduledAt)] : []
  const gate = kind.propagated(keyring, successor, evidence, now)
  if (gate.open) return [{ due: { do: 'activate', id: successor.id } }]
  const { for: parties, opensAt } = gate
  return [
    {
      wait: {
        step: 'activate',
        id: successor.id,
        gate: 'propagated',
        for: parties,
        opensAt,
        since: requestedAt ?? scheduledAt,
      },
    },
  ]
}

function unsupplied({ id }: Version, since: number): Outcome {
  const wanted = ['a new key in front of those in its source']
  return { wait: { step: 'prepare', id, gate: 'supplied', for: wanted, opensAt: null, since } }
}

function summarise(outcomes: Outcome[], now: number): Decision {
  const steps = outcomes.flatMap((outcome) => ('due' in outcome ? [outcome.due] : []))
  const waiting = outcomes.flatMap((outcome) => ('wait' in outcome ? [outcome.wait] : []))
  const times = outcomes.flatMap((outcome) => ('at' in outcome ? [outcome.at] : []))
  // Parties may answer, come or go at any moment; only the drain is a matter of the clock alone.
  for (const wait of waiting) times.push(wait.gate === 'drained' && wait.opensAt !== null ? wait.opensAt : now)
  if (steps.length > 0) times.push(now)
  return { steps, waiting, nextDecisionAt: times.length === 0 ? null : Math.min(...times) }
}
