import { isProved } from '../../../instances/verdict.ts'
import { uncontained, unseen } from '../../containment.ts'
import type { IncidentEvidence } from '../../document.ts'
import { promotionOf, revocationOf, unavailableOf } from '../../steps.ts'
import {
  type Block,
  bad,
  between,
  code,
  counted,
  good,
  joined,
  moment,
  type Section,
  type Text,
  unsure,
} from '../text.ts'

/** What happened, and whether it is over. */
export function summary(evidence: IncidentEvidence): Section {
  return { title: '', blocks: [verdict(evidence), { kind: 'members', rows: facts(evidence) }] }
}

function verdict(evidence: IncidentEvidence): Block {
  const { contained, open } = evidence.verdict
  const why = [...uncontained(evidence), ...unseen(evidence)].map((sentence) => `${capital(sentence)}.`)
  const text = [...(contained ? containedTexts(evidence) : why), ...below(evidence.verdict)].join(' ')
  if (!contained) return { kind: 'verdict', mark: 'bad', headline: 'Not contained', text }
  if (open.length === 0) return { kind: 'verdict', mark: 'good', headline: 'Contained', text }
  return { kind: 'verdict', mark: 'unsure', headline: `Contained, with ${counted(open.length, 'point')} open`, text }
}

/** Whoever reads no further has to know that there is more. */
function below({ open, notes }: IncidentEvidence['verdict']): string[] {
  return [
    ...(open.length === 0 ? [] : ['What is open stands below, with what to do.']),
    ...(notes.length === 0 ? [] : ['The limits of what was seen stand under “To know besides”.']),
  ]
}

function containedTexts({ instances, acknowledgements }: IncidentEvidence): string[] {
  const probed =
    instances.length === 0 ? 'No API instance was named, so none was probed.' : `${refusals(instances.length)}.`
  return ['The key is revoked.', probed, ...(acknowledgements ? [feedText(acknowledgements)] : [])]
}

/** Where it is contained, those that have not acknowledged are those whose lease is over. */
function feedText({ acknowledged, missing }: NonNullable<IncidentEvidence['acknowledgements']>): string {
  if (acknowledged.length > 0) return 'Every verifier on the feed that is live has acknowledged that.'
  return missing.length > 0 ? 'No verifier on the feed is live any more.' : 'No verifier is on the feed.'
}

const refusals = (count: number) =>
  count === 1 ? 'The API instance was seen to refuse it' : `${count} of ${count} API instances were seen to refuse it`

function facts(evidence: IncidentEvidence): [string, Text][] {
  const { incident, provider, sealedAt, sealedBy, instances } = evidence
  const { plan, openedAt, openedBy } = incident
  const revoked = revocationOf(incident)?.revoked ?? []
  const successors = promotionOf(incident)?.successors ?? []
  const isKey = revoked.find(({ kid }) => kid === plan.kid)
  return [
    ['Reason', plan.reason],
    ['Compromised key', [code(plan.kid), isKey ? ` of ${isKey.keyring}` : '']],
    [
      'Revoked',
      isKey
        ? [moment(isKey.revokedAt), ', ', between(openedAt, isKey.revokedAt), ' after the incident was opened']
        : bad('no'),
    ],
    ['Signing since', successors.length === 0 ? '—' : joined(successors.map(successorText), '; ')],
    ['Fresh tokens', windowText(evidence)],
    ...suspicion(evidence),
    ['Instances', provedText(instances)],
    ['Administration', administrationText(evidence)],
    ['Identity provider', [provider.issuer, ` (${provider.kind})`]],
    ['Opened', [moment(openedAt), ' by ', code(openedBy)]],
    [
      'Sealed',
      [moment(sealedAt), ' by ', code(sealedBy.runner), ` with ${sealedBy.software}${offset(sealedBy.clockOffsetMs)}`],
    ],
  ]
}

const successorText = ({
  kid,
  keyring,
  everywhereAt,
}: {
  kid: string
  keyring: string
  everywhereAt: string
}): Text => [code(kid), ` of ${keyring}, on every instance at ${moment(everywhereAt)}`]

function windowText({ incident }: IncidentEvidence): Text {
  const windowMs = promotionOf(incident)?.windowMs
  if (windowMs === undefined) return '—'
  if (windowMs === 0) return 'never without a key that verifiers on the feed held'
  return unsure(`may have waited for trust for up to ${(windowMs / 1_000).toFixed(1)} s`)
}

function suspicion({ incident }: IncidentEvidence): [string, Text][] {
  if (!incident.plan.suspectStore) return []
  return [['Store', unsure('suspected to have leaked: every key under an older root key was to be replaced')]]
}

function provedText(instances: IncidentEvidence['instances']): Text {
  if (instances.length === 0) return unsure('none was named')
  const proved = instances.filter(isProved).length
  const text = `${proved} of ${instances.length} proved`
  return proved === instances.length ? good(text) : bad(text)
}

function administrationText({ incident }: IncidentEvidence): Text {
  const { frozen, frozenAt, unfrozenAt, unfrozenBy } = incident
  const missing = unavailableOf(incident, 'freeze')
  if (missing !== undefined) return unsure(`not frozen: ${missing}`)
  if (frozen) return `frozen since ${moment(frozenAt)}, and still frozen when this was sealed`
  if (unfrozenAt === undefined) return bad('not frozen')
  return [`frozen at ${moment(frozenAt)}, unfrozen at ${moment(unfrozenAt)} by `, code(unfrozenBy ?? 'unknown')]
}

function offset(ms: number): string {
  return Math.abs(ms) < 1_000
    ? ''
    : `, whose clock is ${Math.abs(ms / 1000).toFixed(1)} s ${ms > 0 ? 'ahead' : 'behind'}`
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
