import type { IssuanceView } from '../client/issuance.ts'
import type { KeyringView, VerifierView, VersionView } from '../client/keyring.ts'
import type { InstanceView } from '../client/parties.ts'
import { gateSentence } from '../rotation/gate.ts'
import type { Attention, Seen } from './attention.ts'
import { span, table } from './table.ts'

/** What `rekey status --json` prints. */
export interface Status extends Seen {
  attention: Attention[]
}

/** The same for people: tables, and what to look at last, where the eye ends. */
export function report(status: Status, now: number): string {
  const sections = [
    ...status.keyrings.map((keyring) => keyringSection(keyring, now)),
    ...(status.issuance ? [issuanceSection(status.issuance, now)] : []),
    ...(status.instances ? [instanceSection(status.instances, now)] : []),
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

function issuanceSection({ keyring, algorithm, confirmed, move }: IssuanceView, now: number): string {
  const by = algorithm ? `${keyring} (${algorithm})` : keyring
  const agreed = confirmed ? '' : ', which not every instance has confirmed yet'
  const title = `Access tokens are signed by ${by}${agreed}`
  if (!move) return title
  const asked = `  move to ${move.to}, asked for ${span(now - Date.parse(move.requestedAt))} ago`
  // Nobody to wait for: it is made within a beat of an instance.
  return [title, move.waiting.for.length === 0 ? asked : `${asked}: ${gateSentence(move.waiting, now)}`].join('\n')
}

function instanceSection(instances: readonly InstanceView[], now: number): string {
  if (instances.length === 0) return 'Instances\n  none holds a lease'
  const newest = Math.max(...instances.map(({ applied }) => applied))
  const inOrder = instances.toSorted((a, b) => a.address.localeCompare(b.address))
  const rows = inOrder.map(({ address, applied, startedAt, leaseUntil }) => [
    address,
    String(applied),
    applied === newest ? 'nothing' : `${newest - applied} changes`,
    leaseText(Date.parse(leaseUntil) - now),
    span(now - Date.parse(startedAt)),
  ])
  return ['Instances', table(['INSTANCE', 'REVISION', 'BEHIND BY', 'LEASE', 'UP FOR'], rows)].join('\n')
}

function verifierSection(verifiers: readonly VerifierView[], now: number): string {
  if (verifiers.length === 0) return 'Verifiers\n  none has a lease'
  const rows = verifiers.map((verifier) => [
    verifier.id,
    verifier.library,
    revisionText(verifier.revision),
    leaseText(Date.parse(verifier.leaseUntil) - now),
    (verifier.algorithms ?? []).join(' '),
    trustText(verifier, now),
  ])
  return ['Verifiers', table(['VERIFIER', 'LIBRARY', 'REVISION', 'LEASE', 'ALLOWS', 'TRUST'], rows)].join('\n')
}

/** Whether it holds what is newest; without a lease, for how long it may go on by what it held last. */
function trustText({ leaseUntil, acceptsUntil, behindSince }: VerifierView, now: number): string {
  const leftMs = acceptsUntil === undefined ? 0 : Date.parse(acceptsUntil) - now
  if (Date.parse(leaseUntil) <= now) return leftMs > 0 ? `accepts for ${span(leftMs)} more` : 'refuses'
  return behindSince ? `behind for ${span(now - Date.parse(behindSince))}` : 'newest'
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
