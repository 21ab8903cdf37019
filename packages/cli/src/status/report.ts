import type { ColumnsView } from '../client/columns.ts'
import type { IssuanceView } from '../client/issuance.ts'
import { columnTable } from '../commands/reencrypt.ts'
import { gateSentence } from '../rotation/gate.ts'
import { counted } from '../terminal/counted.ts'
import { printable } from '../terminal/printable.ts'
import { span } from '../terminal/span.ts'
import type { Attention, Seen } from './attention.ts'
import { instanceSection } from './instance-section.ts'
import { keyringSection } from './keyring-section.ts'
import { verifierSection } from './verifier-section.ts'

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
    ...(status.columns ? [columnSection(status.columns)] : []),
    verifierSection(status, now),
    attentionSection(status.attention, now),
  ]
  return sections.join('\n\n')
}

function columnSection(columns: ColumnsView): string {
  const { left, sealing, source } = columns
  const from = source ? `, from ${source.description}` : ''
  const title = `Columns are encrypted by ${sealing ?? 'no key yet'}${from}`
  const more =
    left === 0 ? title : `${title}; ${counted(left, 'value lies', 'values lie')} under another key or in an older form`
  return [more, columnTable(columns)].filter(Boolean).join('\n')
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

function attentionSection(found: readonly Attention[], now: number): string {
  if (found.length === 0) return 'Nothing needs attention.'
  const lines = found.flatMap(({ what, since, command }) => [
    `  ! ${printable(what)} (for ${span(now - Date.parse(since))})`,
    ...(command ? [`    ${command}`] : []),
  ])
  return ['Attention', ...lines].join('\n')
}
