import { type Connections, leaseIn, openDeclared, openParts, type Roots, shownRootKeys } from '@rekey/service'
import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import type { ColumnSources } from '../columns/sources.ts'
import type { Config } from '../config.ts'
import { requestLimits } from '../http/limits.ts'
import type { Instance } from '../instance.ts'
import { storedCounts } from '../inventory/counts.ts'
import { countStored } from '../inventory/stored.ts'
import { heldCookieKeys } from '../oidc/cookie-keys.ts'
import { newMetrics } from '../operations/metrics.ts'
import { outboundRules } from '../outbound/rules.ts'
import { readProfiles } from '../registration/profiles.ts'
import type { IdpTables } from '../tables.ts'
import { usedAssertions } from '../tokens/authentication/used-assertions.ts'
import { openBackground } from './background.ts'
import { databaseGauges } from './gauges.ts'
import { type Held, openHeld } from './held.ts'
import { ensureKeyrings, openKeyrings } from './keyrings.ts'
import { beginLoops } from './loop.ts'
import type { Opening } from './opening.ts'
import { openViewed } from './view.ts'

/**
 * Opens an instance: makes sure that the keyrings exist, reads everything and holds its first lease.
 *
 * @throws DatabaseError, KeyringError `POLICY_INVALID`, IdpError; what was opened is closed then
 */
export function openInstance(
  config: Config,
  connections: Connections<IdpTables>,
  roots: Roots,
  sources: ColumnSources,
  log: Logger,
): Promise<Instance> {
  return openParts((opened) => openAll({ config, connections, roots, sources, opened, log }))
}

/** Each part needs those before it. */
async function openAll(opening: Opening): Promise<Omit<Instance, 'close'>> {
  const { config, sources, opened, log } = opening
  opened({ close: async () => sources.close() })
  const profiles = await readProfiles(config.oidc.clientProfiles)
  const keyrings = openKeyrings(opening)
  const { credentials, held, hub, requireRoom } = await openHeld(opening, keyrings)
  await ensureKeyrings(opening, keyrings)

  // The view opens before there is a loop to hear of what it confirms.
  let poke = () => {}
  const viewed = await openViewed(opening, keyrings, held, () => poke())
  const looping = beginLoops(opening, keyrings, { credentials, held }, viewed.view)
  poke = looping.loop.poke

  const metrics = newMetrics()
  const background = await openBackground(opening, keyrings.columnKeys, viewed.view, metrics)
  const { store, sealer, columnKeys } = keyrings
  const { clients, uses, secrets } = credentials
  const instance: Omit<Instance, 'close'> = {
    ...{ store, sealer, columnKeys, columns: columnKeys.cipher, clients, uses, secrets, hub, requireRoom, profiles },
    ...{ ...viewed, ...looping, ...background, metrics },
    ...asHeld(held),
    ...ofItsOwn(opening),
    keyLooks: new Map(),
    requireLease: leaseIn(viewed.view),
  }
  databaseGauges(metrics.registry, instance, log)
  return instance
}

/** What requests ask of its memory. */
function asHeld({ memory, issuance, freeze, verifierCredentials }: Held) {
  const { keys, denies, issuableFrom } = memory
  return { keys, denies, issuableFrom, issuance: issuance.current, freeze, verifierCredentials }
}

/** What it has besides, and nobody has to close. */
function ofItsOwn({ config, connections: { connection, control }, roots: { rootKeys } }: Opening) {
  return {
    config,
    connection,
    clock: systemClock,
    rootKeys: shownRootKeys(rootKeys, control.db),
    declared: openDeclared(config.inventoryFile),
    storedCounts: storedCounts(() => countStored(connection.db, config)),
    cookieKeys: heldCookieKeys(rootKeys),
    limits: requestLimits(config.limits, systemClock),
    usedAssertions: usedAssertions(connection.db),
    outbound: outboundRules(config.oidc.outboundAllowed),
  }
}
