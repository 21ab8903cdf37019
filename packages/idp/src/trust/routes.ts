import { z } from 'zod'
import type { App } from '../http/app.ts'
import { lineOf } from '../http/text.ts'
import type { Instance } from '../instance.ts'
import { authenticateVerifier } from './credential.ts'
import { trustLeaseMs } from './hub.ts'
import { endLease, renewLease } from './leases.ts'

const instanceName = lineOf(200)
const leaseBody = z.object({
  instance: instanceName,
  epoch: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  n: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  library: lineOf(200).default('unknown'),
  algorithms: z.array(lineOf(20)).max(50).default([]),
  mode: z.enum(['fail-closed', 'last-known-good']).default('fail-closed'),
  ceilingSeconds: z.number().min(0).max(31_536_000).default(0),
})

/** The trust feed and the lease of verifiers. */
export function trustRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection

  app.get('/trust/feed', async (request, reply) => {
    instance.requireLease()
    await authenticateVerifier(db, request.headers.authorization)
    reply.hijack()
    instance.hub.add(reply.raw, request.headers['last-event-id']?.toString())
  })

  app.post('/trust/lease', { schema: { body: leaseBody } }, async (request) => {
    instance.requireLease()
    const clientId = await authenticateVerifier(db, request.headers.authorization)
    const { ceilingSeconds, mode, ...rest } = request.body
    const ceilingMs = mode === 'last-known-good' ? ceilingSeconds * 1_000 : 0
    const reply = await renewLease(db, { ...rest, clientId, ceilingMs })
    if (reply.granted && isAwaited(instance)) instance.loop.poke()
    return { epoch: reply.epoch, n: reply.n, leaseSeconds: reply.granted ? trustLeaseMs / 1_000 : 0 }
  })

  app.delete('/trust/lease', { schema: { body: z.object({ instance: instanceName }) } }, async (request, reply) => {
    const clientId = await authenticateVerifier(db, request.headers.authorization)
    await endLease(db, clientId, request.body.instance)
    instance.loop.poke()
    return reply.code(204).send()
  })
}

/** Is a rotation under way that an acknowledgement may let go on? */
function isAwaited(instance: Instance): boolean {
  return [...instance.keys().keyrings.values()].some((keyring) => keyring.rotation !== undefined)
}
