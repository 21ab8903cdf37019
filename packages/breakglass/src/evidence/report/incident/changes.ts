import type { ChangeForReview } from '../../../providers/port.ts'
import type { IncidentEvidence } from '../../document.ts'
import { bad, code, counted, moment, paragraph, type Section, type Text, tableOr } from '../text.ts'

/** What somebody has to look at: it was changed by who may not have been who he said. */
export function changesSection({ changes }: IncidentEvidence): Section {
  const title = 'Changes for review'
  if ('unavailable' in changes)
    return { title, blocks: [paragraph(`They could not be listed: ${changes.unavailable}`)] }
  const { since, until, note, truncated } = changes
  const told = `From ${moment(since)} to ${moment(until)}: ${counted(changes.changes.length, 'change')}.`
  const more = truncated ? [paragraph(bad('There were more than could be listed: read the audit itself.'))] : []
  const table = tableOr('None.', ['At', 'What', 'By', 'Why it is listed'], changes.changes.map(row))
  return { title, blocks: [paragraph([told, ' ', note]), ...more, table] }
}

const row = ({ at, action, actor, because }: ChangeForReview): Text[] => [
  moment(at),
  code(action),
  code(actor),
  because,
]
