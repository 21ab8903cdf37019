/** Puts the identity provider of an instance together. It opens while the provider is away; what needs it answers 503 until it is there. */
import { setTimeout } from 'node:timers/promises'
import type { Connection } from '@rekey/database'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import { Gauge } from 'prom-client'
import type { Surroundings } from '../calls/surroundings.ts'
import { monotonicClock } from '../clock.ts'
import type { ProviderSettings } from '../config/provider.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { BffTables } from '../tables.ts'
import type { Credentials } from './credentials/credentials.ts'
import { keyCredentials } from './credentials/keys.ts'
import { type ClientSecrets, clientSecrets, type ShownSecret } from './credentials/secrets.ts'
import { type Sightings, storedSightings } from './credentials/sightings.ts'
import { introspect } from './introspect.ts'
import type { ClientKeys } from './keys/client-keys.ts'
import { openKeyFolder } from './keys/folder.ts'
import { givenKeys } from './keys/given.ts'
import { recorded } from './keys/recorded.ts'
import { finishLogin, loginBeginner } from './login.ts'
import { endSessionUrl, logoutOrder } from './logout.ts'
import { providerMetadata } from './metadata.ts'
import type { Parts } from './parts.ts'
import type { Provider } from './provider.ts'
import { reaching } from './reach.ts'
import { refresh, revoke } from './refresh.ts'
import { providerSignatures } from './signatures.ts'

/** What it is put together from. */
export interface ProviderMeans extends Pick<Surroundings, 'fetch' | 'clock' | 'log' | 'metrics'> {
  readonly settings: ProviderSettings
  /** Where browsers reach this BFF, without a slash at the end. */
  readonly publicUrl: string
  readonly skewMs: number
  readonly connection: Pick<Connection<BffTables>, 'db'>
  /** Another one than the database, in tests. */
  readonly sightings?: Sightings
  readonly sleep?: (ms: number) => Promise<void>
}

/** What the client authenticates by, for status. */
export interface ShownClient {
  readonly clientId: string | undefined
  readonly method: ProviderSettings['method']
  readonly secrets: readonly ShownSecret[]
}

/** The identity provider of an instance, which ends with it. */
export interface OpenProvider extends Provider {
  client(): Promise<ShownClient>
  /** Nothing where this client has no keys. */
  readonly keys: ClientKeys | undefined
  close(): Promise<void>
}

/** @throws RegistrationError | BffError `CONFIG_INVALID`: what somebody has to do before this client can be used */
export async function openProvider(means: ProviderMeans): Promise<OpenProvider> {
  const { settings, log, clock, metrics, skewMs } = means
  const { baseUrl, allowPlaintext } = settings
  const sleep = means.sleep ?? ((ms: number) => setTimeout(ms))
  const held = await openKeys(means)
  const keys = held && recorded(held, means)
  const secrets = settings.method === 'private_key_jwt' ? undefined : openSecrets(means, sleep)
  const credentials = secrets ?? byKeys(keys, log)
  const fetch = reaching({ baseUrl, allowPlaintext, fetch: means.fetch, metrics }, () => metadata.known())
  const metadata = providerMetadata({
    baseUrl,
    fetch,
    clock: monotonicClock,
    onFailure: (error) => log.warn({ err: error }, 'the metadata of the identity provider cannot be read'),
  })
  const signatures = providerSignatures({
    fetch: fetch as typeof globalThis.fetch,
    skewMs,
    metrics,
    onProblem: (error) => log.warn({ err: error }, 'the keys of the identity provider cannot be read'),
  })
  const parts: Parts = {
    ...{ metadata, credentials, signatures, fetch, log, clock, metrics, skewMs, sleep, allowPlaintext },
    redirectUri: `${means.publicUrl}/auth/callback`,
    scope: settings.scope,
    resource: settings.resource,
  }
  if (secrets !== undefined) observeSecrets(metrics, secrets)
  // Nobody waits for it: the first login reads it where this did not.
  void metadata.current().catch(() => undefined)

  return {
    get issuer() {
      return metadata.known()?.issuer ?? baseUrl
    },
    keys,
    beginLogin: loginBeginner(parts, monotonicClock),
    finishLogin: (callback, begun) => finishLogin(parts, callback, begun),
    refresh: (refreshToken) => refresh(parts, refreshToken),
    revoke: (refreshToken) => revoke(parts, refreshToken),
    endSessionUrl: (options) => endSessionUrl(parts, options),
    introspect: (token) => introspect(parts, token),
    logoutOrder: (token) => logoutOrder(parts, token),
    client: async () => ({
      clientId: credentials.clientId(),
      method: settings.method,
      secrets: (await secrets?.shown()) ?? [],
    }),
    async close() {
      await Promise.all([signatures.close(), credentials.close(), keys?.close()])
    },
  }
}

async function openKeys(means: ProviderMeans): Promise<ClientKeys | undefined> {
  const { settings, log, clock: now } = means
  const { keys, clientId } = settings
  if (keys === undefined) return undefined
  if (keys.given === undefined) {
    return openKeyFolder({
      settings: keys,
      clientId: keys.isRegistered ? undefined : clientId,
      ports: { fetch: means.fetch, now },
      log,
    })
  }
  return givenKeys({
    source: keys.given,
    kid: keys.givenKid,
    clientId,
    retireAfterMs: keys.options.retireAfterDays * 86_400_000,
    now,
    watching: watchingBy(log),
  })
}

const watchingBy = (log: Logger) => ({ every, warn: (message: string) => log.warn(message) })

/** The settings were refused where there is neither a secret nor a key. */
function byKeys(keys: ClientKeys | undefined, log: Logger): Credentials {
  if (keys === undefined) throw new TypeError('a client needs a secret or a key')
  return keyCredentials({ clientId: keys.clientId, current: keys.current, log })
}

function openSecrets(means: ProviderMeans, sleep: (ms: number) => Promise<void>): ClientSecrets {
  const { settings, log, clock } = means
  const { secret, clientId, method } = settings
  if (secret === undefined || clientId === undefined || method === 'private_key_jwt')
    throw new TypeError('a client with a secret needs a name')
  return clientSecrets({
    ...{ clientId, method, clock, sleep, log },
    source: secret,
    overlapMs: settings.secretOverlapMs,
    sightings: means.sightings ?? storedSightings(means.connection),
    monotonic: monotonicClock,
    watching: watchingBy(log),
  })
}

function observeSecrets({ registry }: Metrics, secrets: ClientSecrets): void {
  new Gauge({
    name: 'bff_client_secret_position',
    help: 'Which of the client secrets given the identity provider accepted last: 0 is the newest, -1 none yet',
    registers: [registry],
    collect() {
      this.set(secrets.position() ?? -1)
    },
  })
}
