import { beginEpochOnClaim } from '@rekey/database'
import { type App, lineOf } from '@rekey/service'
import { z } from 'zod'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { requireVerifier } from './credential.ts'
import { trustLeaseMs } from './events.ts'
import { Renewals } from './renewals.ts'

const instanceName = lineOf(200)
const revision = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const acknowledgement = { instance: instanceName, epoch: revision, n: revision }
const about = { library: lineOf(200).default('unknown'), algorithms: z.array(lineOf(20)).max(50).default([]) }
const longestCeilingSeconds = 86_400
const leaseBody = z.union([
  z.object({
    ...acknowledgement,
    ...about,
    mode: z.literal('last-known-good'),
    ceilingSeconds: z.number().positive().max(longestCeilingSeconds),
  }),
  z.object({ ...acknowledgement, ...about, mode: z.literal('fail-closed').default('fail-closed') }),
])

const tags = ['trust']
const events = z
  .string()
  .describe(
    'Events `trust` with id epoch.n: {epoch, n, full, jwks, revokedKids, denied?, leaseSeconds, acknowledgeWithinMs}',
  )
const feed = {
  tags,
  summary: 'Be told what to trust, as it changes',
  response: { 200: { description: 'The feed', content: { 'text/event-stream': { schema: events } } } },
}
const granted = z.object({
  epoch: z.number(),
  n: z.number(),
  leaseSeconds: z.number().describe('0: there is something newer, get that first'),
})

/** The trust feed and the lease of verifiers. */
export function trustRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const renewals = new Renewals(db)

  const authenticated = { onRequest: requireVerifier(instance) }

  app.get('/trust/feed', { ...authenticated, schema: feed }, async (request, reply) => {
    // It may have gone while the credential was read.
    instance.requireLease()
    reply.hijack()
    instance.hub.add(reply.raw, request.headers['last-event-id']?.toString())
  })

  const renewal = {
    tags,
    summary: 'Acknowledge a trust set, and renew the lease',
    body: leaseBody,
    response: { 200: granted },
    refuses: codes('TOO_MANY_PROCESSES'),
  }
  app.post('/trust/lease', { ...authenticated, schema: renewal }, async (request) => {
    const { body } = request
    const ceilingMs = body.mode === 'last-known-good' ? body.ceilingSeconds * 1_000 : 0
    const reply = await renewals.renew({ ...body, clientId: request.verifierId, ceilingMs })
    if (reply.ahead) await beginEpochOnClaim(db)
    if (isAwaited(instance)) instance.loop.poke()
    return { epoch: reply.epoch, n: reply.n, leaseSeconds: reply.granted ? trustLeaseMs / 1_000 : 0 }
  })

  const leaving = z.object({ instance: instanceName })
  const goodbye = {
    ...authenticated,
    schema: { tags, summary: 'Say goodbye', body: leaving, response: { 204: z.null() } },
  }
  app.delete('/trust/lease', goodbye, async (request, reply) => {
    await renewals.end(request.verifierId, request.body.instance)
    instance.loop.poke()
    return reply.code(204).send(null)
  })
}

/** Is a rotation, a revocation or a move of issuance under way that what a verifier says may let go on? */
function isAwaited(instance: Instance): boolean {
  if (instance.issuance().move) return true
  return [...instance.keys().keyrings.values()].some(
    ({ rotation, versions }) => rotation !== undefined || versions.some((version) => version.revocation !== undefined),
  )
}
