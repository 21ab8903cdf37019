import type { App } from '@rekey/service'
import type { Instance } from '../../../instance.ts'
import { codes } from '../../../openapi/errors.ts'
import { incidentOf } from '../../record.ts'
import { one, requireIncidents, tags } from '../../routes/scope.ts'
import { incidentParams } from '../../schema.ts'
import { promoteFromNewRoot, revokeOlder } from '../leaked-store.ts'
import { promote } from '../promote.ts'
import { revoke } from '../revoke.ts'
import { shownPromotion, shownRevocation } from '../schema.ts'

const same = {
  tags,
  params: incidentParams,
  refuses: codes('UNKNOWN_INCIDENT', 'UNKNOWN_KID', 'NO_SUCCESSOR', 'ILLEGAL_TRANSITION', 'ROOT_KEY_NOT_REPLACED'),
}
const toPromote = {
  ...same,
  summary: 'Put another key in the place of the compromised one',
  response: { 200: shownPromotion },
}
const toRevoke = { ...same, summary: 'Revoke the compromised key', response: { 200: shownRevocation } }

export function keyRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const onRequest = requireIncidents(instance)

  app.post(`${one}/promote`, { onRequest, schema: toPromote }, async ({ params, caller }) => {
    const { plan } = await incidentOf(db, params.incident)
    return (plan.suspectStore ? promoteFromNewRoot : promote)(instance, plan, caller)
  })

  app.post(`${one}/revoke`, { onRequest, schema: toRevoke }, async ({ params, caller }) => {
    const { plan } = await incidentOf(db, params.incident)
    return (plan.suspectStore ? revokeOlder : revoke)(instance, plan, caller)
  })
}
