import type { RecordedEvent } from '../providers/port.ts'
import { estateOf } from './period/document.ts'
import { type Evidence, isIncident } from './views.ts'

/** Events of an audit, and whose that is. */
export interface Recorded {
  of: 'idp' | 'bff'
  events: readonly RecordedEvent[]
}

/** Every record that evidence has: that of the provider first. */
export function recordsOf(evidence: Evidence): Recorded[] {
  const { record } = evidence
  const own: Recorded = { of: 'idp', events: 'events' in record ? record.events : [] }
  const estate = isIncident(evidence) ? undefined : estateOf(evidence)
  if (!estate) return [own]
  const { before, bff } = estate
  const ofBff = bff ? [bff.record, bff.before].map(({ events }) => ({ of: 'bff', events }) as const) : []
  return [own, { of: 'idp', events: before.events }, ...ofBff]
}
