import { randomUUID } from 'node:crypto'
import { recordEvent } from '@rekey/database'
import { type App, iso, isoOrNull, lineOf, showInstances, shownInstances, time } from '@rekey/service'
import { z } from 'zod'
import { orAlreadyExists } from '../already-exists.ts'
import { hashSecret, newClientSecret } from '../credentials/secret.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { newestTrust } from './leases.ts'
import { forgetVerifier, verifiers } from './verifiers.ts'

const newVerifier = z.object({ name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/) })
const registered = z.object({ clientId: z.string(), clientSecret: z.string(), name: z.string() })
const revision = z.object({ epoch: z.number(), n: z.number() })
const shownVerifiers = z.object({
  newest: revision.describe('What has to be held now'),
  verifiers: z.array(
    z.object({
      id: z.string().describe('name/instance'),
      clientId: z.string(),
      instance: z.string(),
      library: z.string(),
      algorithms: z.array(z.string()),
      revision,
      leaseUntil: time,
      acceptsUntil: time,
      seenAt: time,
      behindSince: time.nullable().describe('Since when it asks without holding the newest trust set'),
      grantedAt: time.nullable().describe('When it was granted a lease last'),
      live: z.boolean().describe('It may still accept by what it holds'),
    }),
  ),
})
const nothing = { 204: z.null() }
const tags = ['trust']

/** Who verifies, who issues, and what each of them holds. */
export function partyRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const read = { onRequest: requireScope(instance, 'keyrings:read') }
  const write = { onRequest: requireScope(instance, 'keyrings:write', { whileFrozen: 'refused' }) }

  const listed = { tags, summary: 'List the verifiers and what they hold', response: { 200: shownVerifiers } }
  app.get('/api/v1/verifiers', { ...read, schema: listed }, async () => ({
    newest: await newestTrust(db),
    verifiers: (await verifiers(db)).map(
      ({ epoch, n, leaseUntil, acceptsUntil, seenAt, behindSince, grantedAt, ...rest }) => ({
        ...rest,
        revision: { epoch, n },
        leaseUntil: iso(leaseUntil),
        acceptsUntil: iso(acceptsUntil),
        seenAt: iso(seenAt),
        behindSince: isoOrNull(behindSince),
        grantedAt: isoOrNull(grantedAt),
      }),
    ),
  }))

  // Everything that follows is the id: the slash in it may be written as it is, or encoded.
  const id = z.object({ '*': lineOf(300) })
  const unknown = codes('UNKNOWN_VERIFIER')
  const forgetting = { tags, summary: 'Forget a verifier', params: id, response: nothing, refuses: unknown }
  const forget = { ...write, schema: forgetting }
  app.delete('/api/v1/verifiers/*', forget, async (request, reply) => {
    await forgetVerifier(db, request.params['*'], request.caller.clientId)
    instance.loop.poke()
    return reply.code(204).send(null)
  })

  const present = { tags: ['operations'], summary: 'List the instances', response: { 200: shownInstances } }
  app.get('/api/v1/instances', { ...read, schema: present }, async () => showInstances(db))

  const toRegister = {
    tags,
    summary: 'Register a verifier',
    body: newVerifier,
    response: { 201: registered },
    refuses: codes('ALREADY_EXISTS'),
  }
  app.post('/api/v1/verifiers', { ...write, schema: toRegister }, async (request, reply) => {
    const { name } = request.body
    const clientId = randomUUID()
    const clientSecret = newClientSecret()
    await db
      .transaction()
      .execute(async (transaction) => {
        const row = { client_id: clientId, name, secret_hash: hashSecret(clientSecret) }
        await transaction.insertInto('verifiers').values(row).execute()
        const details = { clientId, name }
        await recordEvent(transaction, {
          action: 'verifier.registered',
          outcome: 'success',
          actor: request.caller.clientId,
          details,
        })
      })
      .catch(orAlreadyExists(`there is a verifier named ${name} already`))
    return reply.code(201).send({ clientId, clientSecret, name })
  })
}
