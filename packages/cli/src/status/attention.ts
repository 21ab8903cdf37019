import { parseDuration } from '@rekey/keyring'
import { activeOf, type KeyringView, standbyOf, type VerifierView, type Waiting } from '../client/keyring.ts'
import { gateSentence } from '../rotation/gate.ts'

/** Something a person should look at: what it is, since when (ISO 8601), and the command that helps, if one does. */
export interface Attention {
  what: string
  since: string
  command: string | null
}

// Gates that open within a minute are the ordinary course of a rotation.
const gatePatienceMs = 60_000

/** Everything in the estate that a person should look at, longest-standing first. */
export function attention(
  keyrings: readonly KeyringView[],
  verifiers: readonly VerifierView[],
  now: number,
): Attention[] {
  const found = [
    ...keyrings.flatMap((keyring) => [
      ...keyring.waiting.flatMap((waiting) => stuckGate(keyring, waiting, now)),
      ...overdue(keyring, now),
      ...withoutStandby(keyring),
    ]),
    ...verifiers.flatMap((verifier) => silent(verifier, now)),
  ]
  return found.sort((a, b) => Date.parse(a.since) - Date.parse(b.since))
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
  const active = activeOf(keyring)
  const rotateEveryMs = rotationPeriodMs(keyring.policy)
  if (!active?.activatedAt || rotateEveryMs === undefined) return []
  const dueAt = Date.parse(active.activatedAt) + rotateEveryMs
  if (now <= dueAt) return []
  return [
    {
      what: `${keyring.name}: version ${active.id} should have been rotated`,
      since: new Date(dueAt).toISOString(),
      command: `rekey rotate ${keyring.name} --watch`,
    },
  ]
}

function rotationPeriodMs(policy: Readonly<Record<string, unknown>>): number | undefined {
  if (typeof policy.rotateEveryMs === 'number') return policy.rotateEveryMs
  return typeof policy.rotateEvery === 'string' ? parseDuration(policy.rotateEvery) : undefined
}

/** Without a standby an emergency has to wait for a new key to reach every verifier. */
function withoutStandby(keyring: KeyringView): Attention[] {
  const active = activeOf(keyring)
  if (!active || standbyOf(keyring)) return []
  return [
    {
      what: `${keyring.name}: no standby version is prepared`,
      since: active.activatedAt ?? active.preparedAt,
      command: `rekey prepare ${keyring.name}`,
    },
  ]
}

function silent(verifier: VerifierView, now: number): Attention[] {
  if (Date.parse(verifier.leaseUntil) > now) return []
  const what = `verifier ${verifier.id} has not renewed its lease: it is down or cut off`
  return [{ what, since: verifier.leaseUntil, command: null }]
}
