import type { Client } from '../../credentials/client.ts'
import type { Instance } from '../../instance.ts'
import { lookAt, type Publisher } from './look.ts'

/** Must its `jwks_uri` be looked at before a key of the client's set is believed, by the clock of the database? */
export function isKeySetStale(client: Client, databaseNow: number): boolean {
  const { fetched } = client.registration ?? {}
  return publisherOf(client) !== undefined && (!fetched || fetched.freshUntil <= databaseNow)
}

/**
 * Looks at a client's `jwks_uri`, where it has one, when an assertion names a key that its set lacks or the set is stale. All who
 * need a look at the same time share one, whichever instance they ask, and there are no more than two within
 * `config.oidc.jwksUriCooldownMs`: who comes then goes by what is held.
 *
 * @param client as just read
 * @param kid that the assertion names
 * @returns the client as it is by now; `undefined` when it is active no more
 * @throws IdpError `OVERLOADED`
 */
export async function refetchFor(
  instance: Instance,
  client: Client,
  kid: string | undefined,
): Promise<Client | undefined> {
  let newest: Client | undefined = client
  // Twice: what is unknown may have been published after a look that was shared had begun.
  for (let looks = 0; newest && looks < 2; looks += 1) {
    const publisher = publisherOf(newest)
    if (!publisher || !isLookNeeded(instance, newest, kid)) break
    const { stored, began } = await lookAt(instance, publisher, instance.config.oidc.jwksUriCooldownMs)
    if (stored) newest = await instance.clients.fresh(client.clientId)
    if (began === 'now') break
  }
  return newest
}

function isLookNeeded({ view }: Instance, client: Client, kid: string | undefined): boolean {
  const isUnknown = kid !== undefined && client.keys.every((key) => key.kid !== kid)
  return isUnknown || isKeySetStale(client, view.databaseNow())
}

function publisherOf({ clientId, organizationId, registration }: Client): Publisher | undefined {
  const { jwks, jwks_uri: uri } = registration?.metadata ?? {}
  if (!registration || jwks || uri === undefined) return undefined
  const { profile, fetched } = registration
  return { clientId, organizationId, profile, uri, knownAt: fetched?.at ?? 0 }
}
