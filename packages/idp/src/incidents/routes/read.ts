import type { App } from '@rekey/service'
import { z } from 'zod'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { evidenceOf } from '../evidence.ts'
import { incidentOf, listIncidents } from '../record.ts'
import { incidentParams, shownIncident } from '../schema.ts'
import { all, one, requireIncidents, tags } from './scope.ts'

const list = {
  tags,
  summary: 'List the incidents, newest first, at most a hundred, without the results of their steps',
  response: { 200: z.object({ incidents: z.array(shownIncident) }) },
}
const show = {
  tags,
  summary: 'Show an incident: its plan, its steps and what happened',
  params: incidentParams,
  response: { 200: shownIncident },
  refuses: codes('UNKNOWN_INCIDENT'),
}
const archive = z.unknown().describe('What `rekey evidence verify` takes')
const download = {
  tags,
  summary: 'Download the evidence of an incident that an instance carried out',
  params: incidentParams,
  response: { 200: { description: 'A signed archive', content: { 'application/zip': { schema: archive } } } },
  refuses: codes('UNKNOWN_INCIDENT', 'NOT_FOUND'),
}

export function readRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const onRequest = requireIncidents(instance)

  app.get(all, { onRequest, schema: list }, async () => ({ incidents: await listIncidents(db) }))

  app.get(one, { onRequest, schema: show }, ({ params }) => incidentOf(db, params.incident))

  app.get(`${one}/evidence`, { onRequest, schema: download }, async ({ params }, reply) => {
    const evidence = await evidenceOf(db, params.incident)
    const disposition = `attachment; filename="${params.incident}.zip"`
    return reply.type('application/zip').header('content-disposition', disposition).send(evidence)
  })
}
