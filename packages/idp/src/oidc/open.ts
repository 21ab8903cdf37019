/** The OpenID provider of an instance: one for its whole life, whatever rotates meanwhile. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { Provider, type Session } from 'oidc-provider'
import type { Logger } from 'pino'
import type { Instance } from '../instance.ts'
import type { ClientMetadata } from '../registration/stored.ts'
import { sha256 } from '../sha256.ts'
import { clientDefaults, configurationOf } from './configuration.ts'
import { watchErrors } from './errors.ts'
import { readIdTokenHint } from './id-token-hint.ts'
import { mendAnswer } from './mend-answer.ts'
import { validated } from './validate.ts'

export interface Oidc {
  /** @throws Unavailable when no key can sign at the moment */
  current(): Provider
  /**
   * What a client would register, with what it left out as the provider takes it.
   *
   * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`
   */
  validate(metadata: ClientMetadata): Promise<ClientMetadata>
  /** By which the provider knows that a client was authenticated before it was passed on. Of this process, and told nobody. */
  proof: string
}

/** Opens the provider. What changes while it lives (keys, clients, issuance) it reads at each use: it is never made anew. */
export function openOidc(instance: Instance, log: Logger): Oidc {
  const proof = randomBytes(32).toString('base64url')
  let made: Provider | undefined
  function current(): Provider {
    made ??= make(instance, proof, log)
    made.keys = [...instance.cookieKeys()]
    return made
  }

  return { current, validate: async (metadata) => validated(current(), metadata, clientDefaults(instance)), proof }
}

function make(instance: Instance, proof: string, log: Logger): Provider {
  const provider = new Provider(instance.config.issuer, configurationOf(instance))
  // Only what this process itself passes on reaches it; who it is for is said by headers that it sets.
  provider.proxy = true
  const proofHash = sha256(proof)
  const client = provider.Client.prototype as typeof provider.Client.prototype & { includeSid(): boolean }
  client.compareClientSecret = (presented: string) => timingSafeEqual(sha256(presented), proofHash)
  // Each token says of which session it is, so that all that hangs on a session can be ended by that.
  client.includeSid = () => true
  const session = provider.Session.prototype
  const { authorizationFor } = session
  // By the ids of clients: what every object has by one of these names is not to be found there, and still less to be written on.
  session.authorizationFor = function ofOwn(this: Session, ...asked: unknown[]) {
    const { authorizations: held } = this
    if ((held ?? asked[1]) !== undefined) this.authorizations = Object.assign(Object.create(null), held)
    return Reflect.apply(authorizationFor, this, asked)
  }
  session.ensureClientContainer = function ensureClientContainer(clientId: string) {
    if (!this.sidFor(clientId)) this.sidFor(clientId, this.uid)
  }
  // Against the keys as they are at that moment: the provider itself knows those only that sign.
  provider.IdToken.validate = async (jwt: string, { clientId }: { clientId: string }) =>
    readIdTokenHint(instance, jwt, clientId) as never
  provider.use(mendAnswer)
  watchErrors(provider, instance, log)
  return provider
}
