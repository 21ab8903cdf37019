import { pageQuery, time } from '@rekey/service'
import { z } from 'zod'
import { environments } from './soon.ts'

const expiryStatus = z.enum(['expiring', 'expired'])
export type ExpiryStatus = z.infer<typeof expiryStatus>

export const expiringQuery = z.object({
  ...pageQuery,
  status: expiryStatus
    .default('expiring')
    .describe('Those that can still be used, or those that ended and left their agents with none that can'),
  within: z
    .string()
    .max(20)
    .optional()
    .describe(
      'A duration, as in 30d: ahead, by default REKEY_EXPIRY_WARNING (7d); of those that expired, back, by default 7d',
    ),
  environment: z.enum(environments).optional(),
})

export const expiringCredential = z.object({
  credentialId: z.string(),
  agentId: z.string(),
  agentName: z.string().optional(),
  owner: z.string().optional().describe('Who answers for the agent'),
  kind: z.enum(['client-secret', 'client-key']),
  environment: z.enum(environments).describe('What the schedule of rotations takes the agent for'),
  isRegistered: z.boolean().describe('Of a client that registered: its secret is changed at the registration'),
  expiresAt: time,
  soonSince: time.optional().describe('Since when it expires within that time; not of one that has expired'),
})

export const expiringElsewhere = z
  .object({ total: z.number(), firstExpiresAt: time.nullable() })
  .describe("Of other organizations, counted up to 10000; told to agents of the operator's alone")
