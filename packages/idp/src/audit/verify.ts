import { newestCheckpoint } from '@rekey/database'
import type { App } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../error.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { sees } from './sees.ts'
import { checkpoint } from './shapes.ts'

const problem = z.object({
  code: z.string(),
  seq: z.number().optional(),
  eventId: z.string().optional(),
  message: z.string(),
})

const verdict = z.object({
  verified: z.boolean(),
  checkedCount: z.number().int().describe('How many events were read and compared'),
  brokenAt: z.number().int().optional().describe('Place in the chain of the first event that does not fit'),
  brokenAtEventId: z.string().optional(),
  problems: z.array(problem).describe('The first hundred, for the organization that runs the estate; empty for others'),
  size: z.number().int().describe('How many events the chain has'),
  root: z.string().describe('Merkle root over them, RFC 9162'),
  signer: z.string().describe('Fingerprint of the key that signs checkpoints: keep it where this database is not'),
  ageSeconds: z
    .number()
    .describe('How long ago it was read; 0 for the organization that runs the estate, whose request reads it'),
})

const newest = z.object({
  size: z.number().int().describe('How many events it covers'),
  checkpoint,
  signer: verdict.shape.signer,
  chained: z.number().int().describe('How many events the chain had when this instance last looked'),
  integrity: z.boolean().describe('Whether the audit is as it was written, as far as this instance knows'),
})

/** What vouches for the audit: all of it compared with all that is kept of it, and its newest checkpoint. */
export function auditVerification(app: App, instance: Instance): void {
  const { audit, connection } = instance
  const onRequest = requireScope(instance, 'audit:read')
  const tags = ['audit']

  const verify = { tags, summary: 'Verify the whole chain', response: { 200: verdict } }
  app.get('/api/v1/audit/verify', { onRequest, schema: verify }, async ({ caller }) => {
    if (sees(caller).withUnowned) return { ...(await audit.verify()), ageSeconds: 0 }
    // A reading of all is dear, and not for every tenant to ask for. Problems may name events of anybody.
    const { verdict, ageMs } = audit.chain.last() ?? { verdict: await audit.verify(), ageMs: 0 }
    return { ...verdict, problems: [], ageSeconds: ageMs / 1_000 }
  })

  const latest = {
    tags,
    summary: 'Show the newest signed checkpoint',
    response: { 200: newest },
    refuses: codes('EVENT_NOT_CHAINED'),
  }
  app.get('/api/v1/audit/checkpoint', { onRequest, schema: latest }, async () => {
    const found = await newestCheckpoint(connection.db, audit.signer)
    if (!found) throw new IdpError('EVENT_NOT_CHAINED', 'the audit has no checkpoint yet; that takes about a second')
    const { chain } = audit
    const seen = { chained: Math.max(chain.size(), found.size), integrity: chain.integrity() }
    return { size: found.size, checkpoint: found.note, signer: found.signer, ...seen }
  })
}
