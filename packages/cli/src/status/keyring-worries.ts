import { parseDuration } from '@rekey/keyring'
import { activeOf, type KeyringView, standbyOf, type Waiting } from '../client/keyring.ts'
import { gateSentence } from '../rotation/gate.ts'
import type { Attention } from './attention.ts'

// Gates that open within a minute are the ordinary course of a rotation.
export const gatePatienceMs = 60_000

/** What a person should look at in one keyring. */
export function keyringWorries(keyring: KeyringView, now: number): Attention[] {
  return [
    ...keyring.waiting.flatMap((waiting) => stuckGate(keyring, waiting, now)),
    ...overdue(keyring, now),
    ...withoutStandby(keyring),
  ]
}

function stuckGate(keyring: KeyringView, waiting: Waiting, now: number): Attention[] {
  if (waiting.since === undefined || now - Date.parse(waiting.since) < gatePatienceMs) return []
  // Tokens run out when they run out: a drain with a known end is no cause for anybody to act.
  if (waiting.gate === 'drained' && waiting.opensAt !== null) return []
  return [
    {
      what: `${keyring.name}: "${waiting.step}" is ${gateSentence(waiting, now)}`,
      since: waiting.since,
      command: waiting.gate === 'propagated' ? `rekey rotate ${keyring.name} --force --reason REASON` : null,
    },
  ]
}

function overdue(keyring: KeyringView, now: number): Attention[] {
  const found = overdueSince(keyring, now)
  if (!found) return []
  return [
    {
      what: `${keyring.name}: version ${found.id} should have been rotated`,
      since: found.since,
      command: `rekey rotate ${keyring.name} --watch`,
    },
  ]
}

/** The active version that should have been rotated, and since when; undefined where none should. Times are ISO 8601. */
export function overdueSince(
  keyring: KeyringView,
  now: number,
): { id: string; activatedAt: string; since: string } | undefined {
  const { id, activatedAt } = activeOf(keyring) ?? {}
  const rotateEveryMs = rotationPeriodMs(keyring.policy)
  if (id === undefined || !activatedAt || rotateEveryMs === undefined) return undefined
  const dueAt = Date.parse(activatedAt) + rotateEveryMs
  return now > dueAt ? { id, activatedAt, since: new Date(dueAt).toISOString() } : undefined
}

function rotationPeriodMs(policy: Readonly<Record<string, unknown>>): number | undefined {
  if (typeof policy.rotateEveryMs === 'number') return policy.rotateEveryMs
  return typeof policy.rotateEvery === 'string' ? parseDuration(policy.rotateEvery) : undefined
}

/** Without a standby an emergency has to wait for a new key to reach every verifier. */
function withoutStandby(keyring: KeyringView): Attention[] {
  const active = activeOf(keyring)
  if (!active || standbyOf(keyring)) return []
  // A key by which a client authenticates is made when it is needed, and nobody waits for one that columns are encrypted by.
  if (keyring.kind === 'client-key' || keyring.kind === 'encryption-key') return []
  return [
    {
      what: `${keyring.name}: no standby version is prepared`,
      since: active.activatedAt ?? active.preparedAt,
      command: `rekey prepare ${keyring.name}`,
    },
  ]
}
