import { type RawBuilder, sql, type Transaction } from 'kysely'
import { nobodysPassword } from '../accounts/password/hash.ts'
import type { IdpTables } from '../tables.ts'
import type { Revocation } from './record.ts'

/** What makes a thing again what it was after it was revoked. `n` is the revision of the change. */
type Act = (revocation: Revocation, n: number) => readonly RawBuilder<unknown>[]

/**
 * Brings a database that was restored up to what is known to have been revoked, and never makes anything good that is not: whoever
 * was reactivated since the backup has to be so once more.
 *
 * @param lost in their order; of those that say how a thing stands only the last one counts
 * @returns how many rows were changed, by kind
 */
export async function applyRevocations(
  transaction: Transaction<IdpTables>,
  lost: readonly Revocation[],
  n: number,
): Promise<Record<string, number>> {
  await sql`SET LOCAL rekey.applies_journal = 'on'`.execute(transaction)
  const changed: Record<string, number> = {}
  for (const revocation of lastOfEach(lost)) {
    for (const statement of acts[revocation.kind]?.(revocation, n) ?? []) {
      const { numAffectedRows = 0n } = await statement.execute(transaction)
      if (numAffectedRows > 0n) changed[revocation.kind] = (changed[revocation.kind] ?? 0) + Number(numAffectedRows)
    }
  }
  return changed
}

/** One record of these says all of a thing. Of the others each speaks of another secret, and counts. */
const lastCounts: ReadonlySet<string> = new Set(['agent', 'account', 'denied', 'initial-token', 'client', 'incident'])

function lastOfEach(all: readonly Revocation[]): Revocation[] {
  const kept = new Map(all.map((one) => [lastCounts.has(one.kind) ? `${one.kind} ${one.key}` : one.id, one]))
  return [...kept.values()]
}

const acts: Readonly<Record<string, Act>> = {
  agent: ({ key, state }) =>
    state.status === 'active'
      ? []
      : [
          sql`UPDATE agents SET status = ${state.status}, changed_at = now()
            WHERE agent_id = ${key} AND status NOT IN ('decommissioned', ${state.status})`,
        ],

  credential: ({ key, state }) => [
    sql`UPDATE credentials SET status = 'revoked'
      WHERE credential_id = ${key} AND document IS NULL AND status = 'active' AND encode(secret_hash, 'hex') = ${state.hash}`,
  ],

  'credential-version': ({ key, at, state }, n) => [
    sql`UPDATE credentials SET document = ${revokedIn(key, at, n)}, revision = ${n}, next_decision_at = now()
      WHERE credential_id = ${state.credential} AND ${accepts(key)}`,
    // Its last version may have been that one.
    sql`UPDATE credentials SET status = 'revoked', secret_hash = NULL, expires_at = NULL
      WHERE credential_id = ${state.credential} AND status = 'active' AND document IS NOT NULL AND ${hasNoActive}`,
  ],

  // What the password is now is nobody's to remember: until a new one is set, none is right.
  account: ({ key, state }) => [
    sql`UPDATE accounts SET changed_at = now(),
        status = CASE ${state.status}::text WHEN 'disabled' THEN 'disabled' ELSE status END,
        logins_since = greatest(logins_since, ${state.loginsSince}::timestamptz),
        password_hash = CASE WHEN password_changed_at < ${state.passwordChangedAt}::timestamptz
          THEN ${nobodysPassword} ELSE password_hash END,
        password_changed_at = greatest(password_changed_at, ${state.passwordChangedAt}::timestamptz)
      WHERE account_id = ${key} AND (password_changed_at < ${state.passwordChangedAt}::timestamptz
        OR logins_since < ${state.loginsSince}::timestamptz OR (${state.status} = 'disabled' AND status <> 'disabled'))`,
  ],

  denied: ({ state }, n) =>
    state.dropped === true
      ? []
      : [
          sql`INSERT INTO denied SELECT denied.* FROM jsonb_populate_record(NULL::denied, ${json(state)}) AS denied
              WHERE ends_at > now()
            ON CONFLICT (kind, value) DO UPDATE SET dropped = false, issued_before = EXCLUDED.issued_before,
              ends_at = EXCLUDED.ends_at, unsuspended_before = EXCLUDED.unsuspended_before, denied_by = EXCLUDED.denied_by`,
          sql`UPDATE denied SET revision = ${n} WHERE kind = ${state.kind} AND value = ${state.value}`,
          sql`UPDATE denied_newest SET revision = ${n} WHERE revision < ${n}`,
        ],

  'initial-token': ({ key, state }) => [
    sql`UPDATE initial_access_tokens SET used = greatest(used, least(max_usages, ${state.used}::int)),
        revoked_at = coalesce(revoked_at, ${state.revokedAt}::timestamptz)
      WHERE token_id = ${key} AND (used < ${state.used}::int OR (revoked_at IS NULL AND ${state.revokedAt}::timestamptz IS NOT NULL))`,
  ],

  'registration-token': ({ key }) => [
    sql`UPDATE registration_access_tokens SET state = 'superseded', sealed_token = NULL
      WHERE token_hash = decode(${key}, 'hex') AND state <> 'superseded'`,
  ],

  client: ({ key, state }) => [
    sql`UPDATE clients SET deleted_at = ${state.deletedAt}::timestamptz, changed_at = now(), revision = revision + 1
      WHERE client_id = ${key} AND deleted_at IS NULL AND ${state.deletedAt}::timestamptz IS NOT NULL`,
    sql`UPDATE clients SET metadata = ${keptKeys(state.keys)}, changed_at = now(), revision = revision + 1
      WHERE client_id = ${key} AND NOT coalesce(${json(state.keys ?? [])} @> (metadata -> 'jwks' -> 'keys'), true)`,
  ],

  verifier: ({ key, state }) => [
    sql`DELETE FROM verifiers WHERE client_id = ${key} AND encode(secret_hash, 'hex') = ${state.hash}`,
  ],

  incident: ({ state }) =>
    state.frozen !== true
      ? []
      : [
          sql`INSERT INTO incidents SELECT one.* FROM jsonb_populate_record(NULL::incidents, ${json(state)}) AS one
            ON CONFLICT (incident) DO UPDATE SET frozen = true, unfrozen_at = NULL, unfrozen_by = NULL
              WHERE NOT incidents.frozen`,
        ],

  webhook: ({ key }) => [sql`DELETE FROM webhooks WHERE webhook_id = ${key}`],

  'webhook-version': ({ key, at, state }, n) => [
    sql`UPDATE webhooks SET document = ${revokedIn(key, at, n)}, revision = ${n}, next_decision_at = now()
      WHERE webhook_id = ${state.webhook} AND ${accepts(key)}`,
    sql`DELETE FROM webhook_secrets WHERE secret_id = ${key}`,
    sql`UPDATE webhooks SET status = 'disabled', reason = 'its secret was replaced after the backup that was restored'
      WHERE webhook_id = ${state.webhook} AND status <> 'disabled' AND ${hasNoActive}`,
  ],

  // Values in it may be left in the backup: they are read, and nothing is written in it.
  'column-form': ({ key }) => [sql`UPDATE column_forms SET state = 'closing' WHERE form = ${key} AND state = 'open'`],
}

const json = (value: unknown) => sql`${JSON.stringify(value)}::jsonb`

const accepts = (version: string) => sql<boolean>`EXISTS (
  SELECT FROM jsonb_array_elements(document -> 'versions') AS version
  WHERE version ->> 'id' = ${version} AND version ->> 'state' NOT IN ('retired', 'revoked'))`

const hasNoActive = sql<boolean>`NOT EXISTS (
  SELECT FROM jsonb_array_elements(document -> 'versions') AS version WHERE version ->> 'state' = 'active')`

function revokedIn(version: string, at: number, n: number) {
  const revoked = json({
    state: 'revoked',
    reason: 'revoked or replaced after the backup that was restored',
    revokedAt: at,
  })
  return sql`document || jsonb_build_object('revision', ${n}::bigint, 'versions', (
    SELECT jsonb_agg(CASE WHEN version ->> 'id' = ${version} THEN (version - 'sealedPrivate') || ${revoked} ELSE version END
      ORDER BY place)
    FROM jsonb_array_elements(document -> 'versions') WITH ORDINALITY AS listed (version, place)))`
}

/** Those that are still registered. A client that took another way to name its keys has none left of these. */
function keptKeys(keys: unknown) {
  return sql`jsonb_set(metadata, '{jwks,keys}', (
    SELECT coalesce(jsonb_agg(key), '[]') FROM jsonb_array_elements(metadata -> 'jwks' -> 'keys') AS key
    WHERE ${json(keys ?? [])} @> jsonb_build_array(key)))`
}
