import { type InstanceVerdict, isProved, type Sealed, stepOf } from '@rekey/breakglass'
import { timeOfDay } from '../terminal/moment.ts'
import { printable } from '../terminal/printable.ts'
import { members, table } from '../terminal/table.ts'
import type { Seen } from './document.ts'
import { placeOf } from './place.ts'
import { resultText } from './results.ts'

/** How an incident stands, for the person who handles it: what is sure, what is open, and what to do next. */
export function incidentReport(seen: Seen): string {
  return [
    headline(seen),
    facts(seen),
    instanceTable(seen.instances),
    points('Open', '!', seen.open),
    points('To know besides', '-', seen.notes),
    next(seen),
  ]
    .filter((section) => section !== '')
    .join('\n\n')
}

function headline({ record, contained, instances }: Seen): string {
  const { incident, kid } = record.plan
  const tried =
    instances.length === 0
      ? 'no API instance was named, so that none was tried'
      : 'every API instance was seen to refuse it'
  if (contained) return `${incident} is contained: ${kid} is revoked, and ${tried}.`
  const due = record.steps.find(({ state }) => state !== 'done')
  if (due) return `${incident} is NOT contained yet: it is at "${due.name}".`
  return `${incident} is NOT contained everywhere, or that is not proved: see what is open.`
}

function facts({ record, instances, evidence }: Seen): string {
  const told = (name: 'promote' | 'verifiers' | 'sessions' | 'changes') =>
    resultText(stepOf(record, name), record.plan).text
  return members({
    Key: keyText(record),
    Successor: told('promote'),
    Sessions: told('sessions'),
    Verifiers: told('verifiers'),
    Instances: `${instances.filter(isProved).length} of ${instances.length} proved`,
    Changes: told('changes'),
    Evidence: evidence,
  })
}

function keyText(record: Seen['record']): string {
  const { state, endedAt } = stepOf(record, 'revoke')
  const revoked = state === 'done' && endedAt !== undefined ? `revoked at ${timeOfDay(endedAt)}` : 'NOT revoked'
  return `${record.plan.kid}, ${revoked}`
}

function instanceTable(instances: readonly InstanceVerdict[]): string {
  if (instances.length === 0) return ''
  const rows = instances.map((verdict) => [
    placeOf(verdict),
    word(verdict.oldRefused, 'refused', 'ACCEPTED'),
    word(verdict.freshAccepted, 'accepted', 'REFUSED'),
    word(verdict.deniedRefused, 'refused', 'ACCEPTED'),
    verdict.provedAt === undefined ? '' : timeOfDay(verdict.provedAt),
  ])
  return table(['INSTANCE', 'OLD TOKEN', 'FRESH TOKEN', 'DENIED TOKEN', 'SINCE'], rows)
}

function word(isGood: boolean | null, good: string, bad: string): string {
  if (isGood === null) return 'not proved'
  return isGood ? good : bad
}

function points(title: string, mark: string, texts: readonly string[]): string {
  return texts.length === 0 ? '' : [title, ...texts.map((text) => `  ${mark} ${printable(text)}`)].join('\n')
}

function next(seen: Seen): string {
  const head = seen.record.frozen ? 'Administration stays frozen until it is unfrozen. Next:' : 'Next:'
  return [head, ...nextCommands(seen).flatMap(([command, why]) => [`  ${command}`, `      ${why}`])].join('\n')
}

function nextCommands({ record, contained, evidence }: Seen): [string, string][] {
  const { incident, suspectStore } = record.plan
  const rekey = (act: string) => `rekey break-glass ${act} ${incident}`
  if (record.steps.some(({ state }) => state !== 'done')) return [[rekey('resume'), 'go on where it stopped']]
  const hasChanges = resultText(stepOf(record, 'changes'), record.plan).count !== 0
  return [
    ...of(hasChanges && evidence, `rekey evidence show ${evidence}`, 'read what is to be reviewed'),
    [rekey('check'), contained ? 'prove it once more, at any time' : 'prove it again, when that is mended'],
    ...of(evidence, verifyCommand(evidence, record), 'check the evidence, on any machine'),
    ...of(suspectStore, 'rekey root-key remove-old', 'when nothing is sealed by the old root key any more'),
    ...of(record.frozen, rekey('unfreeze'), 'when the changes are reviewed'),
  ]
}

function of(isNeeded: unknown, command: string, why: string): [string, string][] {
  return isNeeded ? [[command, why]] : []
}

function verifyCommand(evidence: string | undefined, record: Seen['record']): string {
  const sealed = stepOf(record, 'evidence').result as Sealed | undefined
  return `rekey evidence verify ${evidence}${sealed === undefined ? '' : ` --signer ${sealed.signer}`}`
}
