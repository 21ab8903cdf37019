import { bootstrap } from './bootstrap/bootstrap.ts'
import { RegistrationError, type RegistrationErrorCode } from './error.ts'
import { folderOf } from './files/folder.ts'
import type { JwkSet } from './keys/jwk.ts'
import { pushStatus, type Status } from './metrics/push.ts'
import type { ClientOptions, RegistrationOptions } from './options/client-options.ts'
import { complete } from './options/complete.ts'
import { type Ports, portsWith } from './ports.ts'

/** The client is registered, and its key is known to the identity provider. */
export interface Ready {
  /** `registered` for the first time or anew, `unchanged`, `rotated` to another key, or `updated` otherwise. */
  readonly outcome: 'registered' | 'unchanged' | 'rotated' | 'updated'
  readonly clientId: string
  /** The kid of the key, for the header of assertions. */
  readonly kid: string
  /** Path of the private key. */
  readonly key: string
  /** Path of the stored credentials. */
  readonly credentials: string
  /** The service has to read its key again. */
  readonly rotated: boolean
  /** What was changed and why, or why a rotation failed, one sentence each. */
  readonly reasons: readonly string[]
  /** A rotation was due and failed. The service goes on by its key, which is registered: the outcome is `unchanged`. */
  readonly rotationFailed?: RegistrationErrorCode
  /** The public key set, for services that serve it. */
  jwks(): JwkSet
}

/** The bootstrap is switched off; `reason` says by which variable. */
export interface NotAsked {
  readonly outcome: 'skipped'
  readonly reason: string
}

/** It failed, and `allowFailure` is set; `reason` says what an administrator must do. */
export interface Failed {
  readonly outcome: 'failed'
  readonly reason: string
  readonly error: RegistrationError
}

/** What came of it, told apart by `outcome`. */
export type Registered = Ready | NotAsked | Failed

/**
 * Registers an OpenID Connect client that authenticates by private_key_jwt, or keeps it as it should be: rotates its key when that is due,
 * updates its redirect URIs, renews its registration access token. Safe at every start and on any number of replicas: where nothing is to be
 * done it sends one GET, and the key is replaced only after the identity provider knows the new one.
 * @throws RegistrationError whose message says what an administrator must do; with `allowFailure` that is the outcome `failed` instead.
 */
export async function ensureRegistered(given: RegistrationOptions, ports: Partial<Ports> = {}): Promise<Registered> {
  const all = portsWith(ports)
  if ('skip' in given) {
    all.log('info', `Client registration is skipped: ${given.skip}.`)
    return { outcome: 'skipped', reason: given.skip }
  }
  const options = complete(given)
  try {
    const ready = await bootstrap(options, all)
    await report(options, all, statusOf(ready))
    return ready
  } catch (error) {
    return failed(options, all, error)
  }
}

function statusOf({ outcome, rotationFailed }: Ready): Status {
  if (rotationFailed !== undefined) return 'jwks_rotation_failed'
  return outcome === 'unchanged' ? 'rat_cached' : 'success'
}

async function failed(options: ClientOptions, ports: Ports, error: unknown): Promise<Failed> {
  if (!(error instanceof RegistrationError)) throw error
  await report(
    options,
    ports,
    ['RAT_INVALID', 'CLIENT_GONE'].includes(error.code) ? 'rat_invalid' : 'jwks_rotation_failed',
  )
  if (!options.allowFailure) throw error
  ports.log('error', `Client registration failed (${error.code}): ${error.message}`)
  return { outcome: 'failed', reason: error.message, error }
}

async function report(options: ClientOptions, ports: Ports, status: Status): Promise<void> {
  const { pushgatewayUrl, clientId, kid } = options
  if (pushgatewayUrl === undefined) return
  // Where the credentials cannot be read, that is what the start failed of, and what is thrown.
  const stored = await folderOf(options, ports.files)
    .credentials()
    .catch(() => undefined)
  await pushStatus(ports, pushgatewayUrl, clientId ?? stored?.client_id ?? kid, status)
}
