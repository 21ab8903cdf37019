/** What an API is told. */
export interface ApiSettings {
  issuer: string
  /** The base URLs of its instances, for the API that holds trust by the feed. */
  idps: readonly string[]
  audience: string
  jwksUri: string
  /** Of the one that holds trust by the feed. */
  trust: { clientId: string; clientSecret: string }
}

/** Resolves when the token is good; throws whatever the library throws when it is not. */
export type Check = (token: string) => Promise<void>

/** How an API checks tokens. `close` says goodbye, where there is somebody to say it to. */
export interface Checker {
  check: Check
  close(): Promise<void>
}

export const algorithms = ['ES256', 'RS256'] as const
