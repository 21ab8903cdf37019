/**
 * Keys that nothing in the database needs any more, kept for the backups that do. Nothing is opened by them here: whoever needs one
 * takes it out by his name and with a reason, and the audit has both.
 */
import { recordEvent } from '@rekey/database'
import type { Keyring, Version } from '@rekey/keyring'
import { type App, iso, isoIfSet, lineOf, time } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { columnsKeyring } from './list.ts'
import { openedKey } from './material.ts'

const tags = ['columns']
const kept = {
  version: z.string(),
  state: z.enum(['retired', 'revoked']),
  retiredAt: time.optional(),
  revokedAt: time.optional(),
  reason: z.string().optional().describe('Why it was revoked'),
  escrowedUntil: time.describe('Then it is erased'),
}
const shown = z.object(kept)
const taken = shown.extend({ key: z.string().describe('64 hexadecimal digits; of no use but for a backup') })

export function escrowRoutes(app: App, instance: Instance): void {
  const { store } = instance
  const path = '/api/v1/columns/escrow'

  const list = { tags, summary: 'List the keys in escrow', response: { 200: z.object({ keys: z.array(shown) }) } }
  app.get(path, { onRequest: requireScope(instance, 'keyrings:read'), schema: list }, async () => {
    const now = await store.now()
    return { keys: escrowed(await store.load(columnsKeyring), now).map(show) }
  })

  const takeOut = {
    tags,
    summary: 'Take a key out of escrow, to open a backup by it',
    params: z.object({ version: lineOf(200) }),
    body: z.strictObject({ reason: lineOf(500) }),
    response: { 200: taken },
    refuses: codes('UNKNOWN_ESCROW'),
  }
  const onRequest = requireScope(instance, 'keyrings:write', { whileFrozen: 'refused' })
  app.post(`${path}/:version/take-out`, { onRequest, schema: takeOut }, async (request, reply) => {
    const { caller, params, body } = request
    const version = await requireEscrowed(instance, params.version)
    const key = Buffer.from(openedKey(instance.sealer, version.id, version.sealedPrivate)).toString('hex')
    await instance.connection.db.transaction().execute((transaction) =>
      recordEvent(transaction, {
        action: 'columns.escrow_taken_out',
        outcome: 'success',
        actor: caller.clientId,
        details: { version: version.id, reason: body.reason },
      }),
    )
    return reply.header('cache-control', 'no-store').send({ ...show(version), key })
  })
}

type Escrowed = Version & { escrowedUntil: number; sealedPrivate: string }

async function requireEscrowed({ store }: Instance, id: string): Promise<Escrowed> {
  const found = escrowed(await store.load(columnsKeyring), await store.now()).find((version) => version.id === id)
  if (found) return found
  throw new IdpError('UNKNOWN_ESCROW', 'no key of this version is in escrow')
}

function escrowed(keyring: Keyring | undefined, now: number): Escrowed[] {
  return (keyring?.versions ?? []).filter(
    (version): version is Escrowed =>
      version.sealedPrivate !== undefined && version.escrowedUntil !== undefined && version.escrowedUntil > now,
  )
}

function show({ id, state, retiredAt, revokedAt, reason, escrowedUntil }: Escrowed): z.infer<typeof shown> {
  return {
    version: id,
    state: state === 'revoked' ? state : 'retired',
    retiredAt: isoIfSet(retiredAt),
    revokedAt: isoIfSet(revokedAt),
    reason,
    escrowedUntil: iso(escrowedUntil),
  }
}
