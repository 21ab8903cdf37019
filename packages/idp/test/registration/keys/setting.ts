/** Clients whose keys lie at a `jwks_uri`, on a host of the test's own. */
import { sql } from 'kysely'
import type { Estate, Reply, TestInstance } from '../../estate.ts'
import { type Answering, jsonOf } from '../../outbound/host.ts'
import { type ClientPair, goodClaims, jwkOf, signed } from '../../tokens/authentication/signer.ts'

/** As it stands after a registration with this `jwks_uri`; `undefined`: with no keys at all. */
export async function addClient({ db }: Estate, clientId: string, uri: string | undefined): Promise<void> {
  await db
    .insertInto('agents')
    .values({ agent_id: clientId, organization_id: 'default', scopes: ['reports:read'] })
    .execute()
  const metadata = {
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    ...(uri === undefined ? {} : { jwks_uri: uri }),
  }
  await db
    .insertInto('clients')
    .values({ client_id: clientId, profile: 'default', metadata: JSON.stringify(metadata) })
    .execute()
}

export function publishing(pairs: readonly ClientPair[], headers: Record<string, string> = {}): Answering {
  return jsonOf({ keys: pairs.map(jwkOf) }, { 'content-type': 'application/jwk-set+json', ...headers })
}

/** Asks for a token by an assertion of the key. */
export async function ask(idp: TestInstance, clientId: string, pair: ClientPair, header: object = {}): Promise<Reply> {
  const { config, view } = idp.idp.instance
  return idp.call('/api/v1/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: signed(pair, goodClaims(clientId, config.issuer, view.databaseNow()), header),
    }),
  })
}

export async function status(idp: TestInstance, clientId: string, pair: ClientPair, header?: object): Promise<number> {
  return (await ask(idp, clientId, pair, header)).status
}

/** Makes what is stored of the looks at a client's `jwks_uri` so much older, and has every instance read it. */
export async function age({ db }: Estate, clientId: string, seconds: number, ...instances: TestInstance[]) {
  const by = sql`${seconds} * interval '1 second'`
  await sql`
    UPDATE clients SET fetched_at = fetched_at - ${by}, fetched_fresh_until = fetched_fresh_until - ${by},
      fetch_attempted_at = fetch_attempted_at - ${by}, fetch_attempted_before = fetch_attempted_before - ${by}
    WHERE client_id = ${clientId}`.execute(db)
  for (const { idp } of instances) idp.instance.clients.forget(clientId)
}
