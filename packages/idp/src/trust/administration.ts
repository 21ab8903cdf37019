import { randomUUID } from 'node:crypto'
import { databaseLedger, type InstanceRow, recordEvent } from '@rekey/database'
import { z } from 'zod'
import { hashSecret, newClientSecret } from '../agents/secret.ts'
import { orAlreadyExists } from '../already-exists.ts'
import type { App } from '../http/app.ts'
import { requireScope } from '../http/authorise.ts'
import { lineOf } from '../http/text.ts'
import type { Instance } from '../instance.ts'
import type { IdpDatabase } from '../tables.ts'
import { newestTrust } from './leases.ts'
import { forgetVerifier, verifiers } from './verifiers.ts'

const newVerifier = z.object({ name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/) })

/** Who verifies, who issues, and what each of them holds. */
export function partyRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const read = { onRequest: requireScope(instance, 'keyrings:read') }
  const write = { onRequest: requireScope(instance, 'keyrings:write') }

  app.get('/api/v1/verifiers', read, async () => ({
    newest: await newestTrust(db),
    verifiers: (await verifiers(db)).map(
      ({ epoch, n, leaseUntil, acceptsUntil, seenAt, behindSince, grantedAt, ...rest }) => ({
        ...rest,
        revision: { epoch, n },
        leaseUntil: new Date(leaseUntil).toISOString(),
        acceptsUntil: new Date(acceptsUntil).toISOString(),
        seenAt: new Date(seenAt).toISOString(),
        behindSince: isoOrNull(behindSince),
        grantedAt: isoOrNull(grantedAt),
      }),
    ),
  }))

  // Everything that follows is the id: the slash in it may be written as it is, or encoded.
  const forget = { ...write, schema: { params: z.object({ '*': lineOf(300) }) } }
  app.delete('/api/v1/verifiers/*', forget, async (request, reply) => {
    await forgetVerifier(db, request.params['*'], request.caller.clientId)
    instance.loop.poke()
    return reply.code(204).send()
  })

  app.get('/api/v1/instances', read, async () => ({
    instances: (await instancesSeen(db)).map(({ startedAt, leaseUntil, ...rest }) => ({
      ...rest,
      startedAt: new Date(startedAt).toISOString(),
      leaseUntil: new Date(leaseUntil).toISOString(),
    })),
  }))

  app.post('/api/v1/verifiers', { ...write, schema: { body: newVerifier } }, async (request, reply) => {
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

/**
 * The instances that are there, and those that are gone without a word and were not replaced at their address. What is gone is
 * told by the clock of the database alone, which decides nothing here.
 */
async function instancesSeen(db: IdpDatabase): Promise<(InstanceRow & { live: boolean })[]> {
  const { now, rows } = await databaseLedger(db).instances()
  const seen = rows
    .map((row) => ({ ...row, live: row.leaseUntil > now }))
    .toSorted((a, b) => b.leaseUntil - a.leaseUntil)
  return seen.filter(({ live, address }, place) => {
    return live || seen.findIndex((other) => other.address === address) === place
  })
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
