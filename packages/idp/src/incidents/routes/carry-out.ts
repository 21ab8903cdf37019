import type { App } from '@rekey/service'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { claimIncident, longestResult, releaseIncident, writeStep } from '../journal.ts'
import { claimBody, incidentParams, releaseBody, shownIncident, stepBody, stepParams } from '../schema.ts'
import { one, requireIncidents, tags } from './scope.ts'

const same = { tags, params: incidentParams, response: { 200: shownIncident } }
const claim = {
  ...same,
  summary: 'Claim an incident to carry it out alone, or prolong the claim',
  body: claimBody,
  refuses: codes('UNKNOWN_INCIDENT', 'INCIDENT_CLAIMED'),
}
const release = {
  ...same,
  summary: 'End a claim',
  body: releaseBody,
  refuses: codes('UNKNOWN_INCIDENT', 'INCIDENT_CLAIMED'),
}
const step = {
  ...same,
  summary: 'Write down how a step stands, while it is claimed',
  params: stepParams,
  body: stepBody,
  refuses: codes('UNKNOWN_INCIDENT', 'INCIDENT_CLAIMED'),
}

/** For whoever carries an incident out. */
export function carryOutRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const onRequest = requireIncidents(instance)

  app.post(`${one}/claim`, { onRequest, schema: claim }, ({ caller, params, body: { runner, seconds } }) =>
    claimIncident(db, params.incident, seconds, { runner, actor: caller.clientId }),
  )

  app.post(`${one}/release`, { onRequest, schema: release }, ({ caller, params, body: { runner } }) =>
    releaseIncident(db, params.incident, { runner, actor: caller.clientId }),
  )

  app.put(
    `${one}/steps/:step`,
    { onRequest, schema: step, bodyLimit: 2 * longestResult },
    ({ caller, params, body }) => {
      const { runner, ...change } = body
      return writeStep(db, params.incident, params.step, change, { runner, actor: caller.clientId })
    },
  )
}
