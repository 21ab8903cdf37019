/** What an auditor asks of a period: was everything rotated, what was not, what departed from the rule, and who did it. */
import type { ProviderRecord } from '../../providers/port.ts'
import { estateOf, type Occurrence, type Overdue, type PeriodEvidence, type Rotation } from '../period/document.ts'
import { coverageSections, metricsSection, signOffText } from './coverage.ts'
import { eventsTable, proofNote } from './events.ts'
import { verifySection } from './seal.ts'
import {
  type Block,
  bad,
  code,
  counted,
  good,
  moment,
  paragraph,
  type Report,
  type Section,
  type Text,
  tableOr,
} from './text.ts'

/** @param signer fingerprint of the key that the evidence is sealed by */
export function periodReport(evidence: PeriodEvidence, signer: string): Report {
  const { control, period, issuer, rotations, revocations, exceptions, overdue } = evidence
  const head = ['At', 'What', 'Of', 'By', 'Reason']
  const estate = estateOf(evidence)
  return {
    title: `Control ${control}: rotation of credentials`,
    subtitle: `Evidence of ${issuer} from ${moment(period.from)} to ${moment(period.to)}. All times are UTC.`,
    sections: [
      summary(evidence),
      ...coverageSections(evidence),
      section(
        'Overdue',
        tableOr('Nothing is overdue.', ['What', 'Kind', 'Agent', 'Rotated', 'Overdue since'], overdue.map(overdueRow)),
      ),
      section('Exceptions', tableOr('There was none.', head, exceptions.map(occurrenceRow))),
      section('Revocations', tableOr('Nothing was revoked.', head, revocations.map(occurrenceRow))),
      section(
        'Rotations',
        tableOr('Nothing was rotated.', ['At', 'What', 'From', 'To', 'By', 'Reason'], rotations.map(rotationRow)),
      ),
      ...backendSections(evidence),
      keyringsSection(evidence),
      ...(estate ? [metricsSection(estate.metrics)] : []),
      recordSection('Record of the identity provider', evidence.record),
      ...recordsOfEstate(evidence),
      verifySection(evidence, signer),
    ],
  }
}

const recordSection = (title: string, record: ProviderRecord): Section => ({
  title,
  blocks: [...proofNote(record), wholeChain, eventsTable(record.events)],
})

function recordsOfEstate(evidence: PeriodEvidence): Section[] {
  const estate = estateOf(evidence)
  if (!estate) return []
  const { before, bff } = estate
  return [
    recordSection(`Rotations at the identity provider from ${moment(before.from)} on, before the period`, before),
    ...(bff ? [recordSection('Record of the backend for frontend', bff.record)] : []),
    ...(bff ? [recordSection('Rotations at the backend for frontend before the period', bff.before)] : []),
  ]
}

/** Its audit is a chain of its own. */
function backendSections(evidence: PeriodEvidence): Section[] {
  if (!estateOf(evidence)) return []
  const { backend } = evidence
  const title = 'Backend for frontend'
  if (!backend) return [section(title, paragraph('The estate has none, or its audit could not be read.'))]
  const head = ['At', 'What', 'Of', 'By', 'Reason']
  const others = [...backend.exceptions, ...backend.revocations]
  return [
    section(
      title,
      tableOr(
        'Nothing was rotated there.',
        ['At', 'What', 'From', 'To', 'By', 'Reason'],
        backend.rotations.map(rotationRow),
      ),
      tableOr('There was no exception there, and nothing was revoked.', head, others.map(occurrenceRow)),
    ),
  ]
}

const section = (title: string, ...blocks: Block[]): Section => ({ title, blocks })

// An inclusion proof says nothing of what else there is.
const wholeChain = paragraph(
  'These proofs show that each event is in the audit. That none was left out of this list is shown by the whole chain: ' +
    'rekey audit export writes it, and rekey audit verify counts it.',
)

function summary(evidence: PeriodEvidence): Section {
  const { rotations, revocations, exceptions, overdue, missing, sealedAt, sealedBy } = evidence
  const estate = estateOf(evidence)
  // Format 1 knew no keyrings but those.
  const ofKeyrings = estate ? 'keyrings' : 'signing keys'
  const isComplete = missing.length === 0
  const headline = overdue.length === 0 ? 'Nothing is overdue' : `${counted(overdue.length, 'rotation')} overdue`
  const text = `${counted(rotations.length, 'rotation')}, ${counted(revocations.length, 'revocation')}, ${counted(exceptions.length, 'exception')}.`
  const mark = overdue.length > 0 ? 'bad' : exceptions.length > 0 || !isComplete ? 'unsure' : 'good'
  const rows: [string, Text][] = [
    [
      'Rotations',
      `${rotations.filter(({ kind }) => kind === 'signing').length} of ${ofKeyrings}, ${rotations.filter(({ kind }) => kind === 'client').length} of client credentials`,
    ],
    ['Overdue when sealed', overdue.length === 0 ? good('none') : bad(String(overdue.length))],
    ['Sealed', [moment(sealedAt), ' by ', code(sealedBy.runner), ` with ${sealedBy.software}`]],
    ...(estate ? [['Signed off by', signOffText(estate)] satisfies [string, Text]] : []),
  ]
  const gaps: Block[] = isComplete
    ? []
    : [paragraph(bad('This evidence is not complete:')), { kind: 'list', items: missing }]
  return section('', { kind: 'verdict', mark, headline, text }, { kind: 'members', rows }, ...gaps)
}

const overdueRow = ({ what, kind, agent, rotatedAt, overdueSince }: Overdue): Text[] => [
  code(what),
  kind,
  agent ?? '—',
  moment(rotatedAt),
  bad(moment(overdueSince)),
]

function occurrenceRow({ at, what, about, version, by, reason, incident }: Occurrence): Text[] {
  const told = [
    reason ?? '',
    incident === undefined ? '' : [reason === undefined ? '' : ' ', '(incident ', code(incident), ')'],
  ]
  return [moment(at), what, [code(about), version === undefined ? '' : [' ', code(version)]], code(by), told]
}

const rotationRow = ({ at, what, agentId, from, to, by, reason }: Rotation): Text[] => [
  moment(at),
  [code(what), agentId === undefined ? '' : [' of ', code(agentId)]],
  from === undefined ? '—' : code(from),
  to === undefined ? '—' : code(to),
  code(by),
  reason ?? '—',
]

function keyringsSection({ keyrings }: PeriodEvidence): Section {
  const rows = keyrings.flatMap(({ name, kind, algorithm, versions }) =>
    (versions as { id: string; state: string; activatedAt?: unknown }[]).map(({ id, state, activatedAt }): Text[] => [
      name,
      algorithm ?? kind,
      code(id),
      state,
      typeof activatedAt === 'string' ? moment(activatedAt) : '—',
    ]),
  )
  return section(
    'Keyrings when sealed',
    tableOr('None was read.', ['Keyring', 'Algorithm', 'Version', 'State', 'Active since'], rows),
  )
}
