import { type InstanceVerdict, isProved, isUnavailable, placeOf, resultOf } from '@rekey/breakglass'
import { timeOfDay } from '../terminal/moment.ts'
import { printable } from '../terminal/printable.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { members, table } from '../terminal/table.ts'
import type { Seen } from './document.ts'
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

function headline({ record, contained, instances, open }: Seen): string {
  const { incident, kid } = record.plan
  const tried =
    instances.length === 0
      ? 'no API instance was named, so that none was tried'
      : 'every API instance was seen to refuse it'
  const besides = open.length === 0 ? '' : ' Something is open besides.'
  if (contained) return `${incident} is contained: ${kid} is revoked, and ${tried}.${besides}`
  const due = record.steps.find(({ state }) => state !== 'done')
  if (due) return `${incident} is NOT contained yet: it is at "${due.name}".`
  return `${incident} is NOT contained everywhere, or that is not proved: see what is open.`
}

function facts({ record, instances, evidence }: Seen): string {
  const told = (name: 'promote' | 'verifiers' | 'sessions' | 'changes') => factText(record, name)
  return members({
    Key: keyText(record),
    Store: storeText(record),
    Successor: told('promote'),
    Sessions: told('sessions'),
    Verifiers: told('verifiers'),
    Instances:
      instances.length === 0 ? undefined : `${instances.filter(isProved).length} of ${instances.length} proved`,
    Changes: told('changes'),
    Evidence: evidence,
  })
}

function keyText(record: Seen['record']): string {
  const { kid } = record.plan
  const result = resultOf(record, 'revoke')
  if (result === undefined) return `${kid}, not confirmed yet to be revoked`
  const at = result.revoked.find((key) => key.kid === kid)?.revokedAt
  return `${kid}, ${at === undefined ? 'out of use already' : `revoked at ${timeOfDay(at)}`}`
}

function storeText(record: Seen['record']): string | undefined {
  if (!record.plan.suspectStore) return undefined
  const keys = resultOf(record, 'revoke')?.revoked.length ?? 0
  const told = keys === 0 ? '' : `; ${keys === 1 ? '1 key was' : `${keys} keys were`} revoked in all`
  return `suspected to have leaked${told}`
}

function factText(record: Seen['record'], name: 'promote' | 'verifiers' | 'sessions' | 'changes'): string | undefined {
  const result = resultOf(record, name)
  if (!result || !isUnavailable(result)) return resultText(record, name).text
  return `NOT ${name === 'sessions' ? 'ended' : 'known'}: ${result.unavailable}`
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
  // An instance of the IdP that sealed it keeps it: it is downloaded before it is read.
  const url = evidence !== undefined && /^https?:/.test(evidence) ? evidence : undefined
  const kept = url === undefined ? evidence : `${incident}.zip`
  const file = kept && shellWord(kept)
  const hasChanges = resultText(record, 'changes').count !== 0
  return [
    ...of(url, downloadCommand(file, url), 'have the evidence here'),
    ...of(hasChanges && file, `rekey evidence show ${file}`, 'read what is to be reviewed'),
    [rekey('check'), contained ? 'prove it once more, at any time' : 'prove it again, when that is mended'],
    ...of(file, verifyCommand(file, record), 'check the evidence, on any machine'),
    ...of(suspectStore, 'rekey root-key remove-old', 'when nothing is sealed by the old root key any more'),
    ...of(record.frozen, rekey('unfreeze'), 'when the changes are reviewed'),
  ]
}

function of(isNeeded: unknown, command: string, why: string): [string, string][] {
  return isNeeded ? [[command, why]] : []
}

function downloadCommand(file: string | undefined, url = ''): string {
  return `curl -sS -H "Authorization: Bearer $TOKEN" -o ${file} ${shellWord(url)}`
}

function verifyCommand(file: string | undefined, record: Seen['record']): string {
  const sealed = resultOf(record, 'evidence')
  return `rekey evidence verify ${file}${sealed === undefined ? '' : ` --signer ${sealed.signer}`}`
}
