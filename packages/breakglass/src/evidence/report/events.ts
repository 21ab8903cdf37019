import type { ProviderRecord, RecordedEvent } from '../../providers/port.ts'
import { readEvent } from '../events.ts'
import { type Block, code, good, moment, paragraph, type Text, tableOr, unsure } from './text.ts'

export function proofNote({ signer, incomplete }: ProviderRecord): Block[] {
  const proofs =
    'Each event stands in the audit.jsonl of this file with its inclusion proof (RFC 9162): the hashes that lead from it to the root of a ' +
    'signed checkpoint. Who changes, adds or removes an event in the database afterwards cannot keep the proof true.'
  return [
    paragraph(proofs),
    ...(signer === undefined ? [] : [paragraph(['Checkpoints are signed by the key ', code(signer), '.'])]),
    ...(incomplete === undefined ? [] : [paragraph(unsure(incomplete))]),
  ]
}

export function eventsTable(events: readonly RecordedEvent[]): Block {
  return tableOr('No event is in it.', ['No.', 'At', 'What', 'By', 'Proof'], events.map(row))
}

function row(recorded: RecordedEvent): Text[] {
  const proof = recorded.proof === undefined ? unsure('waits for its place') : good('enclosed')
  const event = readEvent(recorded)
  if (!event) return ['—', '—', code(recorded.event.slice(0, 200)), '—', proof]
  return [event.seq === 0 ? '—' : String(event.seq), moment(event.at), code(event.action), code(event.actor), proof]
}
