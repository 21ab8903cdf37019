import { type App, time } from '@rekey/service'
import { z } from 'zod'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { freezeFor, unfreeze } from '../freeze/set.ts'
import { incidentParams, shownIncident, unfreezeBody } from '../schema.ts'
import { one, requireIncidents, tags } from './scope.ts'

const same = { tags, params: incidentParams, refuses: codes('UNKNOWN_INCIDENT') }
const freeze = {
  ...same,
  summary: 'Freeze administration on every instance, until the incident is unfrozen',
  response: { 200: z.object({ frozenAt: time }) },
}
const thaw = {
  ...same,
  summary: 'End what the incident freezes',
  body: unfreezeBody,
  response: { 200: shownIncident },
}

export function freezeRoutes(app: App, instance: Instance): void {
  const onRequest = requireIncidents(instance)

  app.post(`${one}/freeze`, { onRequest, schema: freeze }, async ({ caller, params }) => {
    const { frozenAt, now } = await freezeFor(instance, params.incident, caller.clientId)
    return { frozenAt: frozenAt ?? now }
  })

  app.post(`${one}/unfreeze`, { onRequest, schema: thaw }, ({ caller, params, body }) =>
    unfreeze(instance, params.incident, body ?? {}, caller.clientId),
  )
}
