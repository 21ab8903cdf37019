/** How the audit is shown. */
import { z } from 'zod'

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** Of any version: what was written elsewhere first has ids of another making. */
export const eventId = z.guid()

export const auditEvent = z.object({
  seq: z.number().int().describe('Its place in the chain, from 1 without a gap'),
  id: eventId,
  at: z.iso.datetime(),
  action: z.string().describe('For example credential.rotated'),
  outcome: z.string().describe('success, refused or failed'),
  actor: z.string().describe('A client id, or `rekey`. Where authentication failed: who it was said to be'),
  agentId: z.string().optional().describe('The agent that it happened to'),
  organizationId: z.string().optional().describe('Absent where it concerns the whole estate'),
  details: z.record(z.string(), z.unknown()),
  hash: sha256.describe('RFC 9162 leaf hash of the canonical text (RFC 8785) of all members but this one'),
  previousHash: sha256,
})

export const checkpoint = z.string().describe('A signed note (C2SP tlog-checkpoint)')
