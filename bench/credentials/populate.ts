import { hash } from 'node:crypto'
import { connect } from '@rekey/database'
import type { Credential } from '../estate/clients.ts'

const CHUNK = 20_000
const md5 = (text: string) => hash('md5', text)

/** The n-th agent of a populated database. */
export function agentOf(n: number): Credential & { credentialId: string } {
  return {
    clientId: `agent-${n}`,
    credentialId: `${md5(`credential ${n}`)}`,
    clientSecret: `sk_live_${md5(`secret ${n}`)}${md5(`more ${n}`)}`,
  }
}

/**
 * Fills a database with agents that have a credential each, as they stand there after years of use.
 *
 * @param livesDays when it is given, each credential ends, and these ends are spread over so many days
 */
export async function populate(ownerUrl: string, count: number, livesDays?: number): Promise<void> {
  const { pool, close } = connect(ownerUrl, { max: 1, queryDeadlineMs: 120_000, applicationName: 'rekey-bench' })
  try {
    for (let first = 1; first <= count; first += CHUNK) {
      const range = [first, Math.min(count, first + CHUNK - 1)]
      await pool.query(agents, range)
      await pool.query(credentials, [...range, livesDays ?? null])
    }
    for (const table of ['agents', 'credentials']) await pool.query(`VACUUM ANALYZE ${table}`)
  } finally {
    await close()
  }
}

const agents = `
  INSERT INTO agents (agent_id, organization_id, name, scopes, deployment_env, agent_type)
  SELECT 'agent-' || n, 'default', 'agent ' || n, '{hello:read}',
         (ARRAY['production', 'staging', 'development'])[n % 3 + 1], CASE WHEN n % 10 = 0 THEN 'service-account' END
  FROM generate_series($1::int, $2::int) AS n`

const credentials = `
  INSERT INTO credentials (credential_id, agent_id, secret_hash, created_at, expires_at)
  SELECT md5('credential ' || n), 'agent-' || n,
         sha256(convert_to('sk_live_' || md5('secret ' || n) || md5('more ' || n), 'UTF8')),
         now() - n % 6912000 * interval '1 second',
         -- Neighbours in the table do not end together.
         now() + n::bigint * 7919 % ($3::int * 86400) * interval '1 second'
  FROM generate_series($1::int, $2::int) AS n`
