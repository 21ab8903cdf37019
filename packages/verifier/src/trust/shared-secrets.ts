import { type Clock, elapsedMs, type Moment, momentOf, systemClock } from '../clock.ts'
import { VerifyError, type VerifyErrorCode } from '../error.ts'
import { Watch } from '../files/watch.ts'
import type { Jwks } from '../keys/jwk.ts'
import { SecretSet } from '../keys/secret-set.ts'
import type { SecretSource } from '../secrets/source.ts'
import { assertFamily } from './family.ts'
import { keyringFolder } from './keyring-folder.ts'
import { listedSecrets, type SecretOrigin } from './secret-origin.ts'
import { type TrustChange, TrustSet } from './set.ts'
import {
  announceChange,
  idleContext,
  type Revision,
  type TrustContext,
  type TrustSnapshot,
  type TrustSource,
} from './source.ts'

/** Where the secrets are; exactly one of `secrets` and `keyring` says so. */
export interface SharedSecretsOptions {
  /** `new,old`, a list, or a file; all are accepted. Each at least 32 bytes for HS256, 48 for HS384, 64 for HS512. */
  readonly secrets?: SecretSource
  /** The folder of a keyring of kind `shared-secret`, which Rekey rotates. This process must be able to write into it. */
  readonly keyring?: string
  /** Name of this process in the keyring; no two have the same. Default: the host's, and something random. */
  readonly instance?: string
  readonly clock?: Clock
}

interface Held {
  readonly secrets: SecretSet
  readonly revision: Revision | null
  readonly read: Moment
}

/**
 * Trust in an issuer that shares its secrets with us. What was read last stays in force while a file is gone or cannot be
 * understood; a secret that a file does not list any more is refused from then on.
 */
class SharedSecretTrust implements TrustSource {
  readonly family = 'shared-secrets'
  readonly #origin: SecretOrigin
  readonly #clock: Clock
  readonly #set = new TrustSet()
  readonly #watch: Watch<TrustChange>
  #context: TrustContext = idleContext
  #started: Promise<void> | undefined
  #held: Held | undefined
  #closed = false

  constructor(origin: SecretOrigin, clock: Clock) {
    this.#origin = origin
    this.#clock = clock
    const onProblem = (error: VerifyError) => this.#context.announce('problem', error)
    this.#watch = new Watch({ clock, onProblem, look: () => this.#look(), code: 'secrets_failed' })
  }

  start(context: TrustContext): Promise<void> {
    this.#started ??= this.#begin(context)
    return this.#started
  }

  keys(): Jwks {
    if (this.#held === undefined || this.#closed) throw new VerifyError('trust_unavailable')
    return this.#held.secrets
  }

  isRevoked(kid: string): boolean {
    return this.#set.isRevoked(kid)
  }

  whyAbsent(kid: string): VerifyErrorCode {
    return this.#set.whyAbsent(kid)
  }

  /** Secrets do not run out by themselves, and those that stand in the configuration itself do not age. */
  snapshot(): TrustSnapshot {
    const { kids, revokedKids } = this.#set
    const held = this.#held !== undefined && !this.#closed
    const ageMs = this.#held === undefined ? null : this.#origin.watched ? elapsedMs(this.#clock, this.#held.read) : 0
    const leaseLeftMs = held ? Number.POSITIVE_INFINITY : 0
    return { held, revision: this.#held?.revision ?? null, kids, revokedKids, leaseLeftMs, ageMs }
  }

  refresh(): Promise<TrustChange> {
    return this.#watch.now()
  }

  /** It is looked every second anyway. */
  async lookAgain(): Promise<boolean> {
    return false
  }

  async close(): Promise<void> {
    this.#closed = true
    // Who waits for the start hears of it there; here it only must not go on.
    await this.#started?.catch(() => {})
    await this.#watch.close()
    await this.#origin.leave?.().catch((error: VerifyError) => this.#context.announce('problem', error))
  }

  async #begin(context: TrustContext): Promise<void> {
    assertFamily(context.algorithms, this)
    this.#context = context
    // Not through the watch: at the start, what is wrong is told to whoever starts.
    await this.#look()
    // Nothing waited for this process before it was seen, and what was saved meanwhile it may not know yet.
    if (this.#origin.inForce !== undefined) await this.#look()
    if (this.#origin.watched) this.#watch.start()
  }

  async #look(): Promise<TrustChange> {
    const { algorithms, announce } = this.#context
    try {
      const change = await this.#readAndApply(algorithms)
      await this.#origin.inForce?.(algorithms)
      announce('asked', 'ok')
      return change
    } catch (error) {
      announce('asked', error instanceof VerifyError ? error.code : 'secrets_failed')
      throw error
    }
  }

  async #readAndApply(algorithms: readonly string[]): Promise<TrustChange> {
    const read = momentOf(this.#clock)
    const { keys, revokedKids, revision } = await this.#origin.read(algorithms)
    if (this.#closed) throw new VerifyError('verifier_closed')
    const change = this.#set.apply({ keys, revokedKids })
    this.#held = { secrets: this.#secretsNow(), revision, read }
    announceChange(this.#context.announce, change)
    return change
  }

  /** The same object for as long as nothing changes. */
  #secretsNow(): SecretSet {
    const before = this.#held?.secrets
    const { keys } = this.#set.jwks
    const same = before?.keys.length === keys.length && keys.every((key, i) => key === before.keys[i])
    return before !== undefined && same ? before : new SecretSet(keys, this.#origin.named)
  }
}

/**
 * Trust in the tokens of an issuer that signs them with a secret it shares (HS256, HS384, HS512). Several secrets are accepted
 * at once, so that one can be replaced without a token being refused: add the new one in front everywhere, let the issuer
 * sign with it, and take the old one out when the last token signed with it has expired. Source of `trust` for
 * `createVerifier`; one source serves one verifier.
 *
 * @throws {TypeError} for options of the wrong shape and secrets that are too short; where that depends on the algorithm, or
 *   they stand in a file, when it is started.
 */
export function sharedSecrets(options: SharedSecretsOptions): TrustSource {
  const { clock = systemClock } = options ?? {}
  return new SharedSecretTrust(originOf(options ?? {}, clock), clock)
}

function originOf({ secrets, keyring, instance }: SharedSecretsOptions, clock: Clock): SecretOrigin {
  if (keyring === undefined) return listedSecrets(secrets)
  if (secrets !== undefined) throw new TypeError('secrets and keyring exclude each other')
  if (typeof keyring !== 'string' || keyring === '') throw new TypeError('keyring must be the path of a folder')
  return keyringFolder(keyring, instance, clock)
}
