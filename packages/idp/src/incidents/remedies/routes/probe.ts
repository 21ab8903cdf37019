import type { App } from '@rekey/service'
import { z } from 'zod'
import type { Instance } from '../../../instance.ts'
import { codes } from '../../../openapi/errors.ts'
import { incidentOf } from '../../record.ts'
import { one, requireIncidents, tags } from '../../routes/scope.ts'
import { incidentParams } from '../../schema.ts'
import { probe } from '../probes.ts'
import { shownProbe } from '../schema.ts'

const make = {
  tags,
  summary: 'Make a token to probe instances of APIs with',
  params: incidentParams,
  body: z.object({
    kind: z
      .enum(['compromised', 'fresh', 'denied'])
      .describe('By the compromised key, the same at each call; by the one that signs now; the same, and denied'),
  }),
  response: { 200: shownProbe },
  refuses: codes('UNKNOWN_INCIDENT', 'KEY_CANNOT_SIGN', 'NOT_FROZEN', 'DENY_LIST_FULL'),
}

export function probeRoute(app: App, instance: Instance): void {
  const { db } = instance.connection
  const onRequest = requireIncidents(instance)

  app.post(`${one}/probes`, { onRequest, schema: make }, async ({ params, body, caller }) => {
    const { plan } = await incidentOf(db, params.incident)
    return probe(instance, plan, body.kind, caller)
  })
}
