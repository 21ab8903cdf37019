import type { IncidentRecord } from '@rekey/breakglass'
import type { ManagementClient } from './management.ts'

/** An incident as it is listed: what came of its steps is not sent, and what happened when is left out. Times are ISO 8601. */
export type IncidentView = Omit<IncidentRecord, 'timeline'>

/** The incidents that somebody has to go on with, and those that freeze administration; the newest first. */
export async function openIncidents(client: ManagementClient): Promise<IncidentView[]> {
  const { incidents } = await client.call<{ incidents: IncidentRecord[] }>({
    method: 'GET',
    path: '/incidents',
    scope: 'incidents:write',
    failure: 'the incidents cannot be read',
  })
  return incidents
    .filter(({ frozen, steps }) => frozen || steps.some(({ state }) => state !== 'done'))
    .map(({ timeline: _timeline, ...incident }) => incident)
}
