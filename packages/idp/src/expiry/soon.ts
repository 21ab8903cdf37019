import { sql } from 'kysely'
import { serviceAccount, staging } from '../credentials/policy.ts'

/** What an agent is, as the schedule of rotations tells them apart. */
export const environments = ['production', 'staging', 'service_account'] as const
export type Environment = (typeof environments)[number]

/** By the rule of `credentials/policy.ts`, of a row of `agents`. */
export const environment = sql<Environment>`CASE WHEN agents.agent_type ~* ${sql.lit(serviceAccount.source)} THEN 'service_account'
  WHEN agents.deployment_env ~* ${sql.lit(staging.source)} THEN 'staging' ELSE 'production' END`

export const intervalOf = (ms: number) => sql`${`${ms} milliseconds`}::interval`

/**
 * Which rows of `credentials` end within a time, and can be used until then. What is revoked, has ended, or never ends is none of
 * them. In these words the indexes have it.
 */
export const endsWithin = (
  ms: number,
) => sql<boolean>`credentials.status = 'active' AND credentials.expires_at IS NOT NULL
  AND credentials.expires_at > now() AND credentials.expires_at <= now() + ${intervalOf(ms)}`

/** What ended longer ago than that is missed by nobody. */
export const missedForMs = 7 * 86_400_000

/**
 * Which of them ended not longer than a time ago, were neither rotated nor revoked, and left their agents (of the same row) with none
 * that can be used.
 */
export const endedWithin = (
  ms: number,
) => sql<boolean>`credentials.status = 'active' AND credentials.expires_at IS NOT NULL
  AND credentials.expires_at <= now() AND credentials.expires_at > now() - ${intervalOf(ms)} AND NOT EXISTS (
    SELECT FROM credentials AS other WHERE other.agent_id = agents.agent_id AND other.status = 'active'
      AND (other.expires_at IS NULL OR other.expires_at > now()))`
