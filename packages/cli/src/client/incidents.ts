import type { IncidentRecord, StepRecord } from '@rekey/breakglass'
import type { ManagementClient } from './management.ts'

/** An incident without what came of its steps: of a hundred that would be megabytes. Times are ISO 8601. */
export interface IncidentView extends Omit<IncidentRecord, 'steps' | 'timeline'> {
  steps: Omit<StepRecord, 'result'>[]
}

/** The incidents that somebody has to go on with, and those that freeze administration; the newest first. */
export async function openIncidents(client: ManagementClient): Promise<IncidentView[]> {
  const { incidents } = await client.call<{ incidents: IncidentRecord[] }>({
    method: 'GET',
    path: '/incidents',
    scope: 'incidents:write',
    failure: 'the incidents cannot be read',
  })
  return incidents.filter(({ frozen, steps }) => frozen || steps.some(({ state }) => state !== 'done')).map(view)
}

function view({ timeline: _timeline, steps, ...incident }: IncidentRecord): IncidentView {
  return { ...incident, steps: steps.map(({ result: _result, ...step }) => step) }
}
