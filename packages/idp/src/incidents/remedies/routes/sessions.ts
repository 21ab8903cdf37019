import type { App } from '@rekey/service'
import { hashSecret } from '../../../credentials/secret.ts'
import { bearerOf } from '../../../http/authorise.ts'
import type { Instance } from '../../../instance.ts'
import { codes } from '../../../openapi/errors.ts'
import { one, requireIncidents, tags } from '../../routes/scope.ts'
import { incidentParams } from '../../schema.ts'
import { shownEnded } from '../schema.ts'
import { endSessions } from '../sessions/end.ts'

const end = {
  tags,
  summary: 'End the sessions concerned',
  params: incidentParams,
  response: { 200: shownEnded },
  refuses: codes('UNKNOWN_INCIDENT', 'SELF_LOCK', 'DENY_LIST_FULL'),
}

export function sessionsRoute(app: App, instance: Instance): void {
  app.post(`${one}/sessions`, { onRequest: requireIncidents(instance), schema: end }, async (request) => {
    const { clientId } = request.caller
    return endSessions(instance, request.params.incident, { clientId, tokenHash: hashSecret(bearerOf(request) ?? '') })
  })
}
