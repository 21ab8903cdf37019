import { time } from '@rekey/service'
import { z } from 'zod'
import { agentStatus } from '../../agents/agent.ts'
import { clientMembers } from '../metadata.ts'

const common = {
  client_id: z.string(),
  client_name: z.string().optional(),
  client_profile: z.string(),
  status: agentStatus.describe('Of its agent: only an active client is let in. A deleted one is decommissioned'),
  registered_at: time,
  changed_at: time.describe('When what it registered was changed last'),
}

/** A registered client in a list of them. */
export const listedClient = z.object({
  ...common,
  token_endpoint_auth_method: z.string().optional(),
  kids: z.array(z.string()).describe('Of the keys that it registered or that its jwks_uri answered last'),
})

/** A registered client with everything about it, no secret among it. */
export const detailedClient = z.object({
  ...common,
  organization_id: z.string(),
  scope: z.string(),
  metadata: z.object(clientMembers).describe('As it is registered, with what it left out'),
  keys: z
    .array(
      z.object({
        kid: z.string(),
        alg: z.string().optional(),
        from: z.enum(['jwks', 'jwks_uri']),
        first_seen_at: time.optional().describe('When it was registered first. Not known of keys of a jwks_uri'),
      }),
    )
    .describe('By which it may authenticate'),
  keys_fetched_at: time.optional().describe('When its jwks_uri answered last'),
  credentials: z
    .array(
      z.object({ credential_id: z.string(), kind: z.string(), status: z.string(), created_at: time, rotated_at: time }),
    )
    .describe('What it authenticates by besides; secrets above all'),
  registration_access_tokens: z
    .array(z.object({ state: z.enum(['active', 'pending']), issued_at: time, expires_at: time.optional() }))
    .describe('A pending one was told in a renewal and not used yet'),
})
