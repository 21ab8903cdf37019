/** The secrets that stand in tables: those of agents, clients, verifiers, and tokens by which clients register. */
import { type CountedSecrets, lineOf, pageOf, positionOf, type SecretFacts } from '@rekey/service'
import { type RawBuilder, sql } from 'kysely'
import { z } from 'zod'
import { openedOf } from '../agents/encrypted.ts'
import type { Config } from '../config.ts'
import { environment, intervalOf } from '../expiry/soon.ts'
import type { Instance } from '../instance.ts'
import type { IdpDatabase } from '../tables.ts'

/** Whose secrets somebody may see: an organization's, and besides those that belong to none. */
export interface Sight {
  organization: string
  withEstate: boolean
}

interface Row {
  kind: string
  management: SecretFacts['management']
  name: string
  agentId: string | null
  agentName: string | null
  owner: string | null
  setUp: boolean | null
  environment: string | null
  createdAt: number | null
  rotatedAt: number | null
  everyMs: number | null
  endsAt: number | null
}

const position = z.tuple([lineOf(60), lineOf(500)])

/**
 * A page of stored secrets that are good, by kind and then by name. Names of clients are theirs to choose: they are compared letter
 * by letter, whatever language the database sorts by.
 */
export async function storedSecrets(
  { connection, config, columns }: Pick<Instance, 'connection' | 'config' | 'columns'>,
  sight: Sight,
  asked: { limit: number; cursor?: string | undefined },
) {
  const after = positionOf(asked.cursor, position)
  const from = after ? sql`AND (kind COLLATE "C", name COLLATE "C") > (${after[0]}, ${after[1]})` : sql``
  const { rows } = await sql<Row>`
    WITH stored AS (${stored(config)}) SELECT kind, name, ${management} AS management, "agentId", "agentName", owner, "setUp", environment,
      "createdAt", "rotatedAt", extract(epoch FROM every) * 1000 AS "everyMs", "endsAt"
    FROM stored WHERE ${isSeen(sight)} ${from}
    ORDER BY kind COLLATE "C", name COLLATE "C" LIMIT ${asked.limit + 1}`.execute(connection.db)
  const page = pageOf(rows, asked.limit, ({ kind, name }) => [kind, name])
  const ownerOf = ({ agentId, owner, setUp }: Row) =>
    agentId === null ? null : openedOf({ agent_id: agentId, email: null, owner, set_up: setUp === true }, columns).owner
  return { secrets: page.rows.map((row) => factsOf(row, ownerOf(row))), nextCursor: page.nextCursor }
}

/** How many secrets of a kind an organization has; null are those that belong to none. */
export interface OrganizationCounts extends CountedSecrets {
  organization: string | null
}

/** How many there are of each kind, and how many of those are overdue. It reads every credential: see `counts.ts`. */
export async function countStored(db: IdpDatabase, config: Config): Promise<OrganizationCounts[]> {
  const { rows } = await sql<OrganizationCounts>`
    WITH stored AS (${stored(config)}) SELECT organization, kind, ${management} AS management, count(*)::int AS count,
      (count(*) FILTER (WHERE "rotatedAt" + every < now()))::int AS overdue
    FROM stored GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`.execute(db)
  return rows
}

/** What has neither an interval nor an end is due for nobody. */
const management = sql<
  SecretFacts['management']
>`CASE WHEN every IS NULL AND "endsAt" IS NULL THEN 'unmanaged' ELSE 'rekey' END`

const isSeen = ({ organization, withEstate }: Sight) =>
  sql<boolean>`(organization = ${organization} OR (organization IS NULL AND ${withEstate}))`

function factsOf(
  { kind, name, createdAt, rotatedAt, everyMs, endsAt, agentId, ...row }: Row,
  owner: string | null,
): SecretFacts {
  return {
    ...{ name, kind, management: row.management },
    owner: owner ?? row.agentName ?? agentId ?? 'identity provider',
    createdAt: createdAt ?? undefined,
    rotatedAt: rotatedAt ?? undefined,
    rotateEveryMs: everyMs === null ? undefined : Number(everyMs),
    endsAt: endsAt ?? undefined,
    agentId: agentId ?? undefined,
    environment: row.environment ?? undefined,
  }
}

/**
 * Whoever verifies tokens is a service: what it authenticates by is due as the secrets of service accounts are. Those of webhooks are
 * rotated when their owner wants it.
 */
function stored({ credentials: { rotateEveryMs: every } }: Pick<Config, 'credentials'>): RawBuilder<unknown> {
  const interval = sql`CASE ${environment} WHEN 'service_account' THEN ${intervalOf(every.serviceAccount)}
    WHEN 'staging' THEN ${intervalOf(every.staging)} ELSE ${intervalOf(every.production)} END`
  const agent = sql`agent_id AS "agentId", agents.name AS "agentName", owner, set_up AS "setUp"`
  const nobody = sql`NULL, NULL, NULL, NULL::boolean, NULL`
  return sql`
    SELECT credentials.kind || CASE WHEN EXISTS (SELECT FROM clients WHERE client_id = agent_id) THEN ' of a client' ELSE '' END AS kind,
      credential_id AS name, organization_id AS organization, ${agent}, ${environment} AS environment,
      credentials.created_at AS "createdAt", rotated_at AS "rotatedAt", ${interval} AS every, expires_at AS "endsAt"
    FROM credentials JOIN agents USING (agent_id)
    WHERE credentials.status = 'active' AND agents.status <> 'decommissioned' AND (expires_at IS NULL OR expires_at > now())
    UNION ALL
    SELECT 'client-key of a client', clients.client_id || '/' || coalesce(key ->> 'kid', (at - 1)::text), organization_id, ${agent},
      ${environment}, claimed_at, claimed_at, CASE WHEN claimed_at IS NOT NULL THEN ${interval} END, NULL
    FROM clients JOIN agents ON agent_id = clients.client_id
      CROSS JOIN jsonb_array_elements(coalesce(metadata -> 'jwks', fetched_jwks) -> 'keys') WITH ORDINALITY AS keys (key, at)
      LEFT JOIN client_kids ON client_kids.client_id = clients.client_id AND kid = key ->> 'kid'
    WHERE deleted_at IS NULL AND agents.status <> 'decommissioned'
    UNION ALL
    SELECT 'registration-access-token', client_id || CASE state WHEN 'active' THEN '' ELSE '/' || state END, organization_id, ${agent},
      NULL, issued_at, issued_at, NULL, expires_at
    FROM registration_access_tokens JOIN agents ON agent_id = client_id
    WHERE state <> 'superseded' AND expires_at > now() AND agents.status <> 'decommissioned'
    UNION ALL
    SELECT 'initial-access-token', token_id, organization_id, ${nobody}, created_at, created_at, NULL, expires_at
    FROM initial_access_tokens WHERE revoked_at IS NULL AND expires_at > now() AND used < max_usages
    UNION ALL
    SELECT 'verifier-secret', client_id, NULL, NULL, name, NULL, NULL, NULL, created_at, created_at, ${intervalOf(every.serviceAccount)}, NULL
    FROM verifiers
    UNION ALL
    SELECT 'webhook-secret', webhook_id, organization_id, NULL, name, NULL, NULL, NULL, created_at,
      to_timestamp((jsonb_path_query_first(document, '$.versions[*] ? (@.state == "active").activatedAt'))::text::numeric / 1000), NULL, NULL
    FROM webhooks`
}
