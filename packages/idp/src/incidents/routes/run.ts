import type { IncidentRecord } from '@rekey/breakglass'
import type { App } from '@rekey/service'
import type { FastifyRequest } from 'fastify'
import { bearerOf } from '../../http/authorise.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { incidentOf } from '../record.ts'
import { incidentParams, shownIncident } from '../schema.ts'
import { one, requireIncidents, tags } from './scope.ts'

const run = {
  tags,
  summary: 'Go on with an incident, in the instance that is asked',
  params: incidentParams,
  response: { 202: shownIncident },
  refuses: codes('UNKNOWN_INCIDENT', 'API_NOT_CONFIGURED', 'EVIDENCE_KEY_MISSING'),
}

export function runRoute(app: App, instance: Instance): void {
  app.post(`${one}/run`, { onRequest: requireIncidents(instance), schema: run }, async (request, reply) => {
    const record = await incidentOf(instance.connection.db, request.params.incident)
    return reply.code(202).send(runBy(instance, request, record))
  })
}

/** Has the incident carried out by this instance, as whoever asks. */
export function runBy({ incidents }: Instance, request: FastifyRequest, record: IncidentRecord): IncidentRecord {
  incidents.start(record.plan, bearerOf(request) ?? '')
  return record
}
