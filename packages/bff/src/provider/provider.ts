/** The identity provider that users log in at, as the rest of the BFF sees it. */

/** What the token endpoint answered, checked. Times are milliseconds since the epoch. */
export interface Tokens {
  readonly accessToken: string
  readonly accessExpiresAt: number
  /** Absent where the provider issued none, or, at a refresh, no other one. */
  readonly refreshToken?: string
  readonly idToken?: string
  readonly scope?: string
  /** Of the ID token. Absent where a refresh brought none. */
  readonly claims?: Claims
}

/** Claims of an ID token. */
export interface Claims extends Readonly<Record<string, unknown>> {
  readonly iss: string
  readonly sub: string
  readonly sid?: string
}

/** What a login that was begun must remember until its callback: goes into the state cookie. */
export interface BegunLogin {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/** What a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4) says. */
export interface LogoutOrder {
  readonly iss: string
  readonly jti: string
  readonly sub?: string
  readonly sid?: string
}

/** What the provider says of a token. */
export type Introspected =
  | { readonly active: false }
  | { readonly active: true; readonly clientId?: string; readonly sub?: string; readonly scopes: ReadonlySet<string> }

/** The identity provider, as the rest of the BFF uses it. */
export interface Provider {
  readonly issuer: string
  /** @throws BffError `IDP_UNAVAILABLE` */
  beginLogin(): Promise<{ url: URL; begun: BegunLogin }>
  /**
   * @param callback the URL that the browser was sent back to, with its query
   * @throws BffError `LOGIN_REFUSED` (the user or the provider said no; state, nonce or code is wrong), `IDP_UNAVAILABLE`
   */
  finishLogin(callback: URL, begun: BegunLogin): Promise<Tokens>
  /** @throws BffError `REFRESH_REFUSED` when this refresh token is dead for good, `IDP_UNAVAILABLE` when that cannot be told */
  refresh(refreshToken: string): Promise<Tokens>
  /** Ends a refresh token at the provider. @throws BffError `IDP_UNAVAILABLE` */
  revoke(refreshToken: string): Promise<void>
  /** Where the browser is sent to end its session at the provider (RP-Initiated Logout 1.0); nothing when it offers none. */
  endSessionUrl(options: { idToken?: string; returnTo: string }): Promise<URL | undefined>
  /**
   * Asks whether a token is good (RFC 7662), by this client's own authentication.
   *
   * @throws BffError `IDP_UNAVAILABLE` when that cannot be told
   */
  introspect(token: string): Promise<Introspected>
  /** Verifies a logout token. @throws BffError `INVALID_REQUEST`, `IDP_UNAVAILABLE` */
  logoutOrder(token: string): Promise<LogoutOrder>
}
