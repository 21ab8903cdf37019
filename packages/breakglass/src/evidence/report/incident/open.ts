import { type InstanceVerdict, isProved, ofInstance } from '../../../instances/verdict.ts'
import { uncontained } from '../../containment.ts'
import type { IncidentEvidence } from '../../document.ts'
import { type Block, bad, moment, paragraph, type Section, type Text } from '../text.ts'
import { nameOf } from './instances.ts'

/** What is left, each with its worst case and what to do. Instances are told in a table of their own. */
export function openSection(evidence: IncidentEvidence): Section {
  const unproved = evidence.instances.filter((each) => !isProved(each))
  const told = new Set([...uncontained(evidence), ...unproved.map(ofInstance)])
  const others = evidence.verdict.open.filter((each) => !told.has(each))
  const list: Block[] = others.length === 0 ? [] : [{ kind: 'list', items: others }]
  const table: Block[] = unproved.length === 0 ? [] : [{ kind: 'table', head: headings, rows: unproved.map(row) }]
  const blocks = [...list, ...table]
  return { title: 'What is open', blocks: blocks.length === 0 ? [paragraph('Nothing.')] : blocks }
}

/** The limits of what was seen. */
export function notesSection({ verdict: { notes } }: IncidentEvidence): Section {
  return {
    title: 'To know besides',
    blocks: [notes.length === 0 ? paragraph('Nothing.') : { kind: 'list', items: notes }],
  }
}

const headings = ['Instance', 'What is wrong', 'At worst', 'What to do']

function row(instance: InstanceVerdict): Text[] {
  const { problems, worstCase, fallback } = instance
  return [nameOf(instance), problems.join(' ') || '—', worstText(worstCase), fallback ?? '—']
}

function worstText(worst: InstanceVerdict['worstCase']): Text {
  if (!worst) return '—'
  return worst.until === null ? bad(`${worst.text} Without an end.`) : `${worst.text} Until ${moment(worst.until)}.`
}
