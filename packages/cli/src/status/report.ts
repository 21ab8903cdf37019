import type { KeyringView, VerifierView, VersionView } from '../client/keyring.ts'
import { gateSentence } from '../rotation/gate.ts'
import type { Attention } from './attention.ts'
import { span, table } from './table.ts'

/** What `rekey status --json` prints. */
export interface Status {
  keyrings: KeyringView[]
  verifiers: VerifierView[]
  attention: Attention[]
}

/** The same for people: tables, and what to look at last, where the eye ends. */
export function report(status: Status, now: number): string {
  const sections = [
    ...status.keyrings.map((keyring) => keyringSection(keyring, now)),
    verifierSection(status.verifiers, now),
    attentionSection(status.attention, now),
  ]
  return sections.join('\n\n')
}

function keyringSection(keyring: KeyringView, now: number): string {
  const title = `Keyring ${keyring.name} (${[keyring.kind, keyring.algorithm].filter(Boolean).join(', ')})`
  const rows = keyring.versions.map((version) => [
    version.id,
    version.state,
    sinceOf(version, now),
    version.reason ?? '',
  ])
  const gates = keyring.waiting.map((waiting) => `  ${waiting.step}: ${gateSentence(waiting, now)}`)
  return [title, table(['VERSION', 'STATE', 'FOR', 'REASON'], rows), ...gates].join('\n')
}

function sinceOf(version: VersionView, now: number): string {
  const reached = {
    prepared: version.preparedAt,
    active: version.activatedAt,
    retiring: version.retiringAt,
    retired: version.retiredAt,
    revoked: version.revokedAt,
  }[version.state]
  return reached === undefined ? '' : span(now - Date.parse(reached))
}

function verifierSection(verifiers: readonly VerifierView[], now: number): string {
  if (verifiers.length === 0) return 'Verifiers\n  none has a lease'
  const rows = verifiers.map((verifier) => [
    verifier.id,
    verifier.library,
    revisionText(verifier.revision),
    leaseText(Date.parse(verifier.leaseUntil) - now),
  ])
  return ['Verifiers', table(['VERIFIER', 'LIBRARY', 'REVISION', 'LEASE'], rows)].join('\n')
}

function revisionText(revision: VerifierView['revision']): string {
  return typeof revision === 'string' ? revision : `${revision.epoch}.${revision.n}`
}

function leaseText(leftMs: number): string {
  return leftMs > 0 ? `${span(leftMs)} left` : `over for ${span(-leftMs)}`
}

function attentionSection(found: readonly Attention[], now: number): string {
  if (found.length === 0) return 'Nothing needs attention.'
  const lines = found.flatMap(({ what, since, command }) => [
    `  ! ${what} (for ${span(now - Date.parse(since))})`,
    ...(command ? [`    ${command}`] : []),
  ])
  return ['Attention', ...lines].join('\n')
}
