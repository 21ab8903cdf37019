import { lineOf, moment, pageQuery, time } from '@rekey/service'
import { z } from 'zod'

const id = lineOf(200)

export const agentParams = z.object({ agentId: id })
export const credentialParams = z.object({ agentId: id, credentialId: id })
export const idempotencyHeader = z.looseObject({
  'idempotency-key': z
    .string()
    .optional()
    .describe('A lost reply is given once more to whoever repeats his request by the same key within a minute'),
})

const expiresAt = moment.optional().describe('From then on it is not accepted')
const jwk = z
  .record(z.string().max(20), z.unknown())
  .optional()
  .describe('The public key of the client, as a JWK (RFC 7517): EC, Ed25519 or RSA')

/** Strict, as the others here: a misspelt `overlap` would be the end of a secret that is in use. */
export const newCredential = z
  .strictObject({
    expiresAt,
    kind: z.enum(['client-secret', 'client-key']).optional().describe('client-key where a jwk is given'),
    jwk,
  })
  .nullish()
export const rotation = z
  .strictObject({
    expiresAt: expiresAt.describe('By default the new version lives for as long as the old one would have'),
    overlap: z
      .string()
      .max(20)
      .optional()
      .describe('For how long the old version works beside the new one, as in 24h; at most 90d'),
    jwk,
  })
  .nullish()
export const revocation = z.strictObject({ reason: lineOf(500), incident: lineOf(100).optional() })
export const listQuery = z.object({ ...pageQuery, status: z.enum(['active', 'expired', 'revoked']).optional() })
export const overdueQuery = z.object({ ...pageQuery, due: z.literal('overdue') })

/** What is told once, to whoever has a credential made or rotated. */
export const newlyMade = z.object({
  credentialId: z.string().describe('Stays the same through all rotations'),
  clientId: z.string(),
  clientSecret: z.string().optional().describe('Never shown again'),
  kid: z.string().optional().describe('Of a client-key'),
  status: z.literal('active'),
  createdAt: time,
  expiresAt: time.optional(),
  overlapEndsAt: time.optional().describe('Until then the version that was replaced works, too'),
})

const shown = {
  credentialId: z.string(),
  clientId: z.string(),
  kind: z.enum(['client-secret', 'client-key']),
  status: z.enum(['active', 'expired', 'revoked']),
  createdAt: time,
  rotatedAt: time.describe('When the version in use was made'),
  rotateBy: time.describe('When it is due for rotation'),
  expiresAt: time.optional(),
  overlapEndsAt: time.optional().describe('Until then, at the latest, an older version works, too'),
  revokedAt: time.optional(),
  reason: z.string().optional(),
}
export const shownCredential = z.object(shown)

const sighting = { firstAt: time, lastAt: time.describe('Right to a second'), count: z.number() }
const shownVersion = z.object({
  id: z.string(),
  state: z.enum(['prepared', 'active', 'retiring', 'retired', 'revoked']),
  preparedAt: time,
  activatedAt: time.optional(),
  retiringAt: time.optional(),
  retiredAt: time.optional(),
  revokedAt: time.optional(),
  acceptedUntil: time.optional().describe('The end of its overlap'),
  expiresAt: time.optional(),
  kid: z.string().optional(),
  seen: z
    .union([
      z.object({ ...sighting, addresses: z.array(z.object({ address: z.string(), ...sighting })) }),
      z.literal('not seen'),
    ])
    .describe('Who used it since `recordedSince`, by source address. Not seen does not mean that nobody uses it'),
})

export const detailedCredential = z.object({
  ...shown,
  versions: z.array(shownVersion).describe('Oldest first'),
  recordedSince: time.describe('Uses before that are not known'),
  waiting: z
    .array(
      z.object({
        step: z.string(),
        version: z.string(),
        gate: z.string(),
        for: z.array(z.string()),
        opensAt: time.nullable(),
      }),
    )
    .describe('What is wanted and not done yet, and for whom or what it waits'),
})

export const overdueCredential = z.object({
  credentialId: z.string(),
  agentId: z.string(),
  agentName: z.string().optional(),
  kind: z.enum(['client-secret', 'client-key']),
  rotatedAt: time,
  overdueSince: time,
})
