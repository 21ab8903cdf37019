import { type DatabaseTables, newestCheckpoint } from '@rekey/database'
import { z } from 'zod'
import { ServiceError } from '../../error.ts'
import type { App } from '../../http/app.ts'
import type { CommonRefusalCode } from '../../http/refusal.ts'
import type { Audited, AuditReading } from './routes.ts'
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

const refuses: readonly CommonRefusalCode[] = ['EVENT_NOT_CHAINED']

/** What vouches for the audit: all of it compared with all that is kept of it, and its newest checkpoint. */
export function verificationRoutes<Tables extends DatabaseTables>(
  app: App,
  { audit, connection }: Audited<Tables>,
  { path, read: onRequest, sees }: AuditReading,
): void {
  const tags = ['audit']

  const verify = { tags, summary: 'Verify the whole chain', response: { 200: verdict } }
  app.get(`${path}/verify`, { onRequest, schema: verify }, async (request) => {
    if (sees(request).withUnowned) return { ...(await audit.verify()), ageSeconds: 0 }
    // A reading of all is dear, and not for every tenant to ask for. Problems may name events of anybody.
    const { verdict, ageMs } = audit.chain.last() ?? { verdict: await audit.verify(), ageMs: 0 }
    return { ...verdict, problems: [], ageSeconds: ageMs / 1_000 }
  })

  const latest = {
    tags,
    summary: 'Show the newest signed checkpoint',
    response: { 200: newest },
    refuses,
  }
  app.get(`${path}/checkpoint`, { onRequest, schema: latest }, async () => {
    const found = await newestCheckpoint(connection.db, audit.signer)
    if (!found)
      throw new ServiceError('EVENT_NOT_CHAINED', 'the audit has no checkpoint yet; that takes about a second')
    const { chain } = audit
    const seen = { chained: Math.max(chain.size(), found.size), integrity: chain.integrity() }
    return { size: found.size, checkpoint: found.note, signer: found.signer, ...seen }
  })
}
