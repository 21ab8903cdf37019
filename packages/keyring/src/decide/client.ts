import type { ClientKind } from '../kinds/kind.ts'
import type { ClientKeyring } from '../lifecycle/keyring.ts'
import type { Version } from '../lifecycle/version.ts'
import type { Outcome } from './decide.ts'
import type { Evidence } from './evidence.ts'

/** What is due for a keyring that a client holds: nothing but to let go of what was replaced. */
export function clientOutcomes(kind: ClientKind, keyring: ClientKeyring, evidence: Evidence, now: number): Outcome[] {
  return keyring.versions
    .filter(({ state }) => state === 'retiring')
    .flatMap((version) => retirement(kind, keyring, version, evidence, now))
}

function retirement(
  kind: ClientKind,
  keyring: ClientKeyring,
  version: Version,
  evidence: Evidence,
  now: number,
): Outcome[] {
  const { id, retiringAt: since = now } = version
  const gate = kind.drained(keyring, version, evidence, now)
  if (gate.open) return [{ due: { do: 'retire', id } }]
  const { for: parties, opensAt, lookAgainAt } = gate
  const wait: Outcome = { wait: { step: 'retire', id, gate: 'drained', for: parties, opensAt, since } }
  return lookAgainAt === undefined ? [wait] : [wait, { at: lookAgainAt }]
}
