import type { IncidentEvidence } from '../../document.ts'
import { eventsTable, proofNote } from '../events.ts'
import { type Block, paragraph, type Section } from '../text.ts'

/** The provider's own record, and what proves that nobody changed it since. */
export function auditSection({ record }: IncidentEvidence): Section {
  const title = 'Record of the identity provider'
  if ('unavailable' in record) return { title, blocks: [paragraph(`There is none: ${record.unavailable}`)] }
  const blocks: Block[] = [...proofNote(record), eventsTable(record.events)]
  return { title, blocks }
}
