import { findEvent, proofOf } from '@rekey/database'
import type { App } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { requireSight } from './sees.ts'
import { auditEvent, checkpoint, eventId, sha256 } from './shapes.ts'

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

/** Single events, and the proofs that they stand in the chain. */
export function auditEvents(app: App, instance: Instance): void {
  const { audit, connection } = instance
  const { db } = connection
  const onRequest = requireScope(instance, 'audit:read')
  const tags = ['audit']
  const one = '/api/v1/audit/events/:id'
  const refuses = codes('UNKNOWN_EVENT', 'EVENT_NOT_CHAINED')

  const show = { tags, summary: 'Show an event', params, response: { 200: auditEvent }, refuses }
  app.get(one, { onRequest, schema: show }, async ({ caller, params: { id } }) => {
    await requireSight(db, caller, id)
    return (await findEvent(db, id)) ?? notYet()
  })

  const prove = { tags, summary: 'Prove that an event stands in the chain', params, response: { 200: proof }, refuses }
  app.get(`${one}/proof`, { onRequest, schema: prove }, async ({ caller, params: { id } }) => {
    await requireSight(db, caller, id)
    const found = await proofOf(db, id, audit.signer)
    return found === undefined || found === 'waiting' ? notYet() : found
  })
}

function notYet(): never {
  throw new IdpError('EVENT_NOT_CHAINED', 'the event has no place in the chain yet; that takes about a second')
}
