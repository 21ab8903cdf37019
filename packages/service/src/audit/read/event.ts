import { type DatabaseTables, findEvent, proofOf } from '@rekey/database'
import { z } from 'zod'
import { ServiceError } from '../../error.ts'
import type { App } from '../../http/app.ts'
import type { CommonRefusalCode } from '../../http/refusal.ts'
import type { Audited, AuditReading } from './routes.ts'
import { auditEvent, checkpoint, eventId, sha256 } from './shapes.ts'
import { requireSeen } from './sight.ts'

const params = z.object({ id: eventId })

const proof = z.object({
  event: z.string().describe('The canonical text (RFC 8785) whose bytes were hashed'),
  seq: z.number().int(),
  hash: sha256.describe('RFC 9162 leaf hash of the text'),
  treeSize: z.number().int().describe('How many events the checkpoint covers'),
  path: z.array(sha256).describe('Inclusion proof, RFC 9162 section 2.1.3, from the leaf upwards'),
  checkpoint,
  publicKey: z.string().describe('By which the checkpoint is signed, as tools for signed notes take it'),
})

const refuses: readonly CommonRefusalCode[] = ['UNKNOWN_EVENT', 'EVENT_NOT_CHAINED']

/** Single events, and the proofs that they stand in the chain. */
export function eventRoutes<Tables extends DatabaseTables>(
  app: App,
  { audit, connection: { db } }: Audited<Tables>,
  { path, read: onRequest, sees }: AuditReading,
): void {
  const tags = ['audit']
  const one = `${path}/events/:id`

  const show = { tags, summary: 'Show an event', params, response: { 200: auditEvent }, refuses }
  app.get(one, { onRequest, schema: show }, async (request) => {
    const { id } = request.params
    await requireSeen(db, sees(request), id)
    return (await findEvent(db, id)) ?? notYet()
  })

  const prove = { tags, summary: 'Prove that an event stands in the chain', params, response: { 200: proof }, refuses }
  app.get(`${one}/proof`, { onRequest, schema: prove }, async (request) => {
    const { id } = request.params
    await requireSeen(db, sees(request), id)
    const found = await proofOf(db, id, audit.signer)
    return found === undefined || found === 'waiting' ? notYet() : found
  })
}

function notYet(): never {
  throw new ServiceError('EVENT_NOT_CHAINED', 'the event has no place in the chain yet; that takes about a second')
}
