import type { IncidentEvidence } from '../../document.ts'
import { bad, code, good, moment, paragraph, type Section, type Text, tableOr } from '../text.ts'

/** Those that get trust by the feed, and say themselves what they hold. */
export function verifiersSection({ acknowledgements }: IncidentEvidence): Section {
  const title = 'Verifiers on the feed'
  if (!acknowledgements) return { title, blocks: [paragraph('The identity provider has no feed.')] }
  const { revision, acknowledged, missing } = acknowledgements
  const rows: Text[][] = [
    ...missing.map(({ id, library, acceptsUntil }) => [
      code(id),
      library,
      bad(`missing; may accept until ${moment(acceptsUntil)}`),
    ]),
    ...acknowledged.map(({ id, library, at }) => [code(id), library, good(moment(at))]),
  ]
  const note = `Each had to hold revision ${revision.epoch}.${revision.n}, in which the key is revoked.`
  return {
    title,
    blocks: [paragraph(note), tableOr('No verifier is registered.', ['Verifier', 'Library', 'Acknowledged'], rows)],
  }
}
