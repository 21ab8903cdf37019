import { z } from 'zod'
import { time } from '../http/time.ts'

const duration = z.string().describe('For example 90d, 24h, 30s')
const request = { requestedAt: time, by: z.string(), reason: z.string().optional() }

const shownVersion = z.object({
  id: z.string().describe('The kid of a key'),
  state: z.enum(['prepared', 'active', 'retiring', 'retired', 'revoked']),
  preparedAt: time,
  servedAt: time.optional().describe('When every live instance was first seen to serve it'),
  activatedAt: time.optional(),
  retiringAt: time.optional(),
  demotedAt: time.optional().describe('When every live instance was first seen to produce nothing more with it'),
  retiredAt: time.optional(),
  revokedAt: time.optional(),
  revocation: z
    .object({ ...request, incident: z.string().optional() })
    .optional()
    .describe('Asked for, not carried out yet'),
  reason: z.string().optional(),
  incident: z.string().optional(),
  held: z
    .object({ count: z.number(), until: time.nullable().describe('When the last of it ends by itself') })
    .optional()
    .describe('How much needs this version, where that is counted'),
})

/** What something waits for, in words for an operator. */
const shownWaiting = z.object({
  step: z.string(),
  version: z.string(),
  gate: z.string().describe('propagated: who must have it first? drained: who still needs it?'),
  for: z.array(z.string()),
  opensAt: time.nullable().describe('When it opens by itself; null when that depends on somebody'),
  since: time,
})

/** A keyring as `showKeyring` makes it. */
export const shownKeyring = z.object({
  name: z.string(),
  kind: z.string(),
  algorithm: z.string(),
  revision: z.number(),
  policy: z.object({
    rotateEvery: duration,
    verifierPatience: z.string().describe('A duration, or forever'),
    anonymousPropagation: duration,
    jwksMaxAge: duration,
    maxTokenTtl: duration,
    skew: duration,
    maxGrace: duration,
    rollbackWindow: duration,
  }),
  rotation: z
    .object({ ...request, forced: z.boolean() })
    .optional()
    .describe('Asked for; its successor is not active yet'),
  versions: z.array(shownVersion),
  waiting: z.array(shownWaiting),
})
