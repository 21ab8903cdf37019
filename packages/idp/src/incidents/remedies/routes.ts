import type { Plan } from '@rekey/breakglass'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { hashSecret } from '../../credentials/secret.ts'
import type { App } from '../../http/app.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import { incidentOf } from '../record.ts'
import { one, requireIncidents, tags } from '../routes/scope.ts'
import { incidentParams as params } from '../schema.ts'
import { acknowledgements } from './acknowledgements.ts'
import { changesForReview } from './changes.ts'
import { promoteFromNewRoot, revokeOlder } from './leaked-store.ts'
import { probe } from './probes.ts'
import { promote } from './promote.ts'
import { recordOf } from './record.ts'
import { revoke } from './revoke.ts'
import {
  shownAcknowledgements,
  shownChanges,
  shownEnded,
  shownProbe,
  shownPromotion,
  shownRecord,
  shownRevocation,
} from './schema.ts'
import { endSessions } from './sessions/end.ts'

const unknown = codes('UNKNOWN_INCIDENT')
const keyCodes = codes('UNKNOWN_INCIDENT', 'UNKNOWN_KID', 'NO_SUCCESSOR', 'ILLEGAL_TRANSITION')

/** What is done about an incident, step by step. Each may be asked for again: what is done already is found done. */
export function remedyRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const scope = { onRequest: requireIncidents(instance) }
  const planOf = async (incident: string): Promise<Plan> => (await incidentOf(db, incident)).plan

  const toProbe = {
    tags,
    summary: 'Make a token to probe instances of APIs with',
    params,
    body: z.object({
      kind: z
        .enum(['compromised', 'fresh', 'denied'])
        .describe('By the compromised key, the same at each call; by the one that signs now; the same, and denied'),
    }),
    response: { 200: shownProbe },
    refuses: codes('UNKNOWN_INCIDENT', 'KEY_CANNOT_SIGN', 'DENY_LIST_FULL'),
  }
  app.post(`${one}/probes`, { ...scope, schema: toProbe }, async ({ params, body, caller }) =>
    probe(instance, await planOf(params.incident), body.kind, caller),
  )

  const toPromote = {
    tags,
    summary: 'Put another key in the place of the compromised one',
    params,
    response: { 200: shownPromotion },
    refuses: [...keyCodes, ...codes('ROOT_KEY_NOT_REPLACED')],
  }
  app.post(`${one}/promote`, { ...scope, schema: toPromote }, async ({ params, caller }) => {
    const plan = await planOf(params.incident)
    return (plan.suspectStore ? promoteFromNewRoot : promote)(instance, plan, caller)
  })

  const toRevoke = {
    tags,
    summary: 'Revoke the compromised key',
    params,
    response: { 200: shownRevocation },
    refuses: [...keyCodes, ...codes('ROOT_KEY_NOT_REPLACED')],
  }
  app.post(`${one}/revoke`, { ...scope, schema: toRevoke }, async ({ params, caller }) => {
    const plan = await planOf(params.incident)
    return (plan.suspectStore ? revokeOlder : revoke)(instance, plan, caller)
  })

  const toEnd = {
    tags,
    summary: 'End the sessions concerned',
    params,
    response: { 200: shownEnded },
    refuses: codes('UNKNOWN_INCIDENT', 'SELF_LOCK', 'DENY_LIST_FULL'),
  }
  app.post(`${one}/sessions`, { ...scope, schema: toEnd }, async (request) =>
    endSessions(instance, request.params.incident, {
      clientId: request.caller.clientId,
      tokenHash: hashSecret(bearerOf(request)),
    }),
  )

  const toAcknowledge = {
    tags,
    summary: 'Show which verifiers on the feed hold what must be held',
    params,
    response: { 200: shownAcknowledgements },
    refuses: unknown,
  }
  app.get(`${one}/acknowledgements`, { ...scope, schema: toAcknowledge }, async ({ params }) => {
    await planOf(params.incident)
    return acknowledgements(instance)
  })

  const toReview = {
    tags,
    summary: 'List the changes made by those whose sessions are concerned',
    params,
    response: { 200: shownChanges },
    refuses: unknown,
  }
  app.get(`${one}/changes`, { ...scope, schema: toReview }, async ({ params }) =>
    changesForReview(instance, await planOf(params.incident)),
  )

  const toRecord = {
    tags,
    summary: "Show what the estate's own record says of it, with proofs",
    params,
    response: { 200: shownRecord },
    refuses: unknown,
  }
  app.get(`${one}/record`, { ...scope, schema: toRecord }, async ({ params }) => {
    const { openedAt } = await incidentOf(db, params.incident)
    return recordOf(instance, params.incident, Date.parse(openedAt))
  })
}

/** The token by which the caller was let in. */
function bearerOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}
