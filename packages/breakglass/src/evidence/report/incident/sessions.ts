import type { IncidentEvidence } from '../../document.ts'
import { sessionsOf, unavailableOf } from '../../steps.ts'
import { type Block, code, counted, paragraph, type Section, type Text, tableOr } from '../text.ts'

export function sessionsSection({ incident }: IncidentEvidence): Section {
  return { title: 'Sessions ended', blocks: blocks(incident) }
}

function blocks(incident: IncidentEvidence['incident']): Block[] {
  const missing = unavailableOf(incident, 'sessions')
  if (missing !== undefined) return [paragraph(`The identity provider could not: ${missing}`)]
  const ended = sessionsOf(incident)
  if (!ended) return [paragraph('The step was not run.')]
  const entries = ended.entries.map((entry) => [code(JSON.stringify(entry))])
  const stores = ended.stores.map(
    ({ name, ended: count }): Text => [
      code(name),
      `: ${count === null ? 'it does not count them' : counted(count, 'session')}`,
    ],
  )
  if (entries.length + stores.length === 0) return [paragraph('None was to be ended.')]
  const list: Block[] = stores.length === 0 ? [] : [{ kind: 'list', items: stores }]
  return [tableOr('The deny-list has no new entries.', ['On the deny-list'], entries), ...list]
}
