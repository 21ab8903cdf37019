/** The session of a user, as the rest of the BFF sees it. */
import type { FastifyRequest } from 'fastify'
import type { Claims, Tokens } from '../provider/provider.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that requires a session. */
    session: LiveSession
  }
}

/** A session that was found, is bound to this browser, and has an access token that is still good. */
export interface LiveSession {
  /** For logs, the audit and the database; it opens nothing. */
  readonly id: string
  readonly sub: string
  readonly claims: Claims
  /** Goes to services behind the proxy, and never to the browser. */
  readonly accessToken: string
  readonly expiresAt: number
}

/** The sessions of an instance. */
export interface Sessions {
  /**
   * The session of a request. Its access token is refreshed ahead of its expiry: meanwhile the one that is still good goes on
   * being used, and nobody waits.
   *
   * @returns nothing where the request has none that is good
   * @throws BffError `IDP_UNAVAILABLE` when the access token is over and no other one can be had at the moment; ServiceError
   *   `NO_LEASE`
   */
  of(request: FastifyRequest): Promise<LiveSession | undefined>
  /**
   * The same, whatever has become of its access token, and wherever it is borne: whoever has it may end it.
   *
   * @throws ServiceError `NO_LEASE`
   */
  present(request: FastifyRequest): Promise<LiveSession | undefined>
  /**
   * Whether a session that a request came with is there still.
   *
   * @throws ServiceError `NO_LEASE`
   */
  remains(session: Pick<LiveSession, 'id'>): Promise<boolean>
  /**
   * Set-Cookie lines that go with the reply to a request, once its session was asked for: a cookie that is none of ours is
   * cleared, one by an older version of the keyring is replaced.
   */
  cookiesFor(request: FastifyRequest): readonly string[]
  /**
   * Begins a new session, never one that the request bears. The Set-Cookie line is then among `cookiesFor`.
   *
   * @param since before that nobody asked for the tokens, by the clock of the database: sessions that ended meanwhile are not begun
   * @throws BffError `LOGIN_REFUSED`
   */
  begin(request: FastifyRequest, tokens: Tokens, since: number): Promise<LiveSession>
  /**
   * The same session with another access token, for a service that refused the one it has although it is not over: its key was
   * revoked, for example.
   *
   * @returns nothing where the session has ended, or the token is too young for another one to be of use
   * @throws BffError `IDP_UNAVAILABLE`
   */
  another(session: LiveSession): Promise<LiveSession | undefined>
  /** Waits for what is under way, and writes what was noted. */
  close(): Promise<void>
}
