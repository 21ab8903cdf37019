/** The replies about remedies: the types of the procedure's port, as they go over the wire. */

import type {
  Acknowledgements,
  ChangeForReview,
  Changes,
  EndedSessions,
  Probe,
  Promotion,
  ProviderRecord,
  RecordedEvent,
  Revocation,
} from '@rekey/breakglass'
import { time } from '@rekey/service'
import { z } from 'zod'
import { type Members, shownKey } from '../schema.ts'

const revision = z.object({ epoch: z.number(), n: z.number() })

const keys = z.array(shownKey).describe('All that are accepted, and the revoked ones')

export const shownProbe = z.object({
  token: z.string().describe('An access token of nobody, which allows nothing'),
  kid: z.string(),
  jti: z.string().optional(),
  expiresAt: time.optional(),
} satisfies Members<Probe>)

export const shownPromotion = z.object({
  successors: z.array(z.object({ keyring: z.string(), kid: z.string(), activatedAt: time, everywhereAt: time })),
  windowMs: z.number().describe('For how long fresh tokens may have waited for trust'),
  keys,
} satisfies Members<Promotion>)

export const shownRevocation = z.object({
  revoked: z.array(z.object({ keyring: z.string(), kid: z.string(), revokedAt: time })),
  revision: revision.optional().describe('What verifiers must hold from now on'),
  keys,
} satisfies Members<Revocation>)

export const shownEnded = z.object({
  entries: z.array(z.record(z.string(), z.string())).describe('What is denied now, as verifiers take it'),
  stores: z.array(z.object({ name: z.string(), ended: z.number().nullable().describe('null where nobody counts') })),
  incomplete: z.string().optional().describe('What was not ended, and why'),
  revision: revision.optional().describe('What verifiers must hold from now on'),
} satisfies Members<EndedSessions>)

const verifier = { id: z.string().describe('name/instance'), library: z.string() }

export const shownAcknowledgements = z.object({
  revision: revision.describe('What has to be held'),
  acknowledged: z.array(z.object({ ...verifier, at: time })),
  missing: z.array(z.object({ ...verifier, acceptsUntil: time.describe('At worst') })),
} satisfies Members<Acknowledgements>)

export const shownChanges = z.object({
  since: time,
  until: time,
  changes: z.array(
    z.object({
      at: time,
      action: z.string(),
      actor: z.string(),
      because: z.string().describe('Why it is listed'),
      event: z.unknown(),
    } satisfies Members<ChangeForReview>),
  ),
  truncated: z.boolean().describe('There were more'),
  note: z.string().describe('What can be said about the key itself'),
} satisfies Members<Changes>)

export const shownRecord = z.object({
  signer: z.string().optional().describe('Fingerprint of the key that signs the checkpoints'),
  events: z.array(
    z.object({
      event: z.string().describe('The canonical text (RFC 8785), whose bytes are what was hashed'),
      proof: z.unknown().optional().describe('As GET /api/v1/audit/events/:id/proof answers it'),
    } satisfies Members<RecordedEvent>),
  ),
  incomplete: z.string().optional().describe('What is missing, and why'),
} satisfies Members<ProviderRecord>)
