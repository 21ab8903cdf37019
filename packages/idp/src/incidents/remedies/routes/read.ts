import type { App } from '@rekey/service'
import type { Instance } from '../../../instance.ts'
import { codes } from '../../../openapi/errors.ts'
import { incidentOf } from '../../record.ts'
import { one, requireIncidents, tags } from '../../routes/scope.ts'
import { incidentParams } from '../../schema.ts'
import { acknowledgements } from '../acknowledgements.ts'
import { auditRecordOf } from '../audit-record.ts'
import { changesForReview } from '../changes.ts'
import { shownAcknowledgements, shownChanges, shownRecord } from '../schema.ts'

const same = { tags, params: incidentParams, refuses: codes('UNKNOWN_INCIDENT') }
const toAcknowledge = {
  ...same,
  summary: 'Show which verifiers on the feed hold what must be held',
  response: { 200: shownAcknowledgements },
}
const toReview = {
  ...same,
  summary: 'List the changes made by those whose sessions are concerned',
  response: { 200: shownChanges },
}
const toRecord = {
  ...same,
  summary: "Show what the estate's own record says of it, with proofs",
  response: { 200: shownRecord },
}

export function readRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const onRequest = requireIncidents(instance)

  app.get(`${one}/acknowledgements`, { onRequest, schema: toAcknowledge }, async ({ params }) => {
    await incidentOf(db, params.incident)
    return acknowledgements(instance)
  })

  app.get(`${one}/changes`, { onRequest, schema: toReview }, async ({ params }) => {
    const { plan } = await incidentOf(db, params.incident)
    return changesForReview(instance, plan)
  })

  app.get(`${one}/record`, { onRequest, schema: toRecord }, async ({ params }) => {
    const { openedAt } = await incidentOf(db, params.incident)
    return auditRecordOf(instance, params.incident, Date.parse(openedAt))
  })
}
