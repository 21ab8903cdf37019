/** How the redirect URIs of the environment meet those that are registered. */
export type RedirectMode = 'auto' | 'replace' | 'merge' | 'none'
export const redirectModes: readonly RedirectMode[] = ['auto', 'replace', 'merge', 'none']

/** Algorithms of a key that is made here. A key that is there already keeps its own. */
export type KeyAlgorithm = 'RS256' | 'ES256'
export const keyAlgorithms: readonly KeyAlgorithm[] = ['RS256', 'ES256']

/** When keys are made and dropped. */
export interface RotationOptions {
  /** Days after which a new key is made, 30 by default; 0 = now, though not when a rotation was less than ten minutes ago. */
  readonly rotateAfterDays: number
  /** With `rotateAfterDays: 0` also a key of the last ten minutes is replaced: somebody asked, and it is no start beside others. False by default. */
  readonly evenIfNew?: boolean | undefined
  /**
   * Days after which a key is dropped at the next rotation, by the time in its kid; 0 or less = never. More than `rotateAfterDays`: until then
   * a key is in use. 60 by default, or twice `rotateAfterDays` where that is more.
   */
  readonly retireAfterDays: number
  /** Most keys in the registered set, 2 or more, 3 by default; 0 or less = no cap. */
  readonly maxKeys: number
}

/** Everything about one client and its identity provider, with every default filled in. */
export interface ClientOptions extends RotationOptions {
  /** The identity provider, with or without `/api/oidc` and a slash at the end. */
  readonly idpUrl: string
  readonly initialAccessToken?: string | undefined
  /** The client_id that is wished for; without one the identity provider chooses. */
  readonly clientId?: string | undefined
  readonly clientProfile?: string | undefined
  /** Path of the private key, PEM. */
  readonly signingKey: string
  /** The kid of the first key, by default the PEM's name without its ending; later ones are `<kid>-<unix seconds>-<4 hex>`. */
  readonly kid: string
  /** Of keys that are made here; RS256 by default. */
  readonly keyAlgorithm: KeyAlgorithm
  /** None by default. */
  readonly redirectUris: readonly string[]
  /** `auto` by default. */
  readonly redirectMode: RedirectMode
  /** Path of the stored client_id and registration access token, JSON; `bff_client.json` beside the PEM by default. */
  readonly credentials: string
  /** Registers anew though credentials are stored: once for each initial access token. False by default. */
  readonly forceReplace: boolean
  /** A token with `admin.api` and `dcr.admin`, which may issue a new registration access token. */
  readonly adminToken?: string | undefined
  /** A Prometheus Pushgateway that is told how it went. */
  readonly pushgatewayUrl?: string | undefined
  /** A failure is logged and reported as outcome `failed` instead of thrown. False by default. */
  readonly allowFailure: boolean
  /** Registers this `jwks_uri` instead of an inline `jwks`. */
  readonly jwksUri?: string | undefined
  /** Where the public set is written for the service that serves it; with `jwksUri`, `jwks.json` beside the PEM by default. */
  readonly jwksFile?: string | undefined
  /** More members of the client metadata at the first registration, such as `client_name` or `scope`. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Milliseconds for one request; 10 seconds by default. */
  readonly timeoutMs?: number | undefined
  /** How often one request is tried; 4 by default. */
  readonly attempts?: number | undefined
}

/** The bootstrap is switched off: `skip` says by which variable. */
export interface Skipped {
  readonly skip: string
}

type Defaulted =
  | keyof RotationOptions
  | 'kid'
  | 'keyAlgorithm'
  | 'redirectUris'
  | 'redirectMode'
  | 'credentials'
  | 'forceReplace'
  | 'allowFailure'

/** What a client has to say of itself: where the identity provider is, and where its key lies. Everything else may be left out. */
export type GivenOptions = Omit<ClientOptions, Defaulted> & {
  readonly [name in Defaulted]?: ClientOptions[name] | undefined
}

/** What `ensureRegistered` takes. */
export type RegistrationOptions = GivenOptions | Skipped
