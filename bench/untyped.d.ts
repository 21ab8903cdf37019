// These packages come without types; this is the part of each that the benchmark uses.
declare module 'autocannon' {
  export interface Options {
    readonly url: string
    readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH'
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly connections: number
    /** Seconds. */
    readonly duration: number
    /** Requests a second, of all connections together. */
    readonly overallRate?: number
    readonly requests?: readonly { readonly setupRequest: <T extends object>(request: T) => T }[]
    readonly verifyBody?: (body: string) => boolean
  }
  export interface Result {
    readonly requests: { readonly total: number }
    /** Seconds. */
    readonly duration: number
    /** Milliseconds. */
    readonly latency: { readonly p99: number }
    readonly non2xx: number
    readonly errors: number
    readonly timeouts: number
    readonly mismatches: number
    readonly '2xx': number
  }
  export default function autocannon(options: Options): PromiseLike<Result>
}

declare module 'jsonwebtoken' {
  interface VerifyOptions {
    readonly algorithms: string[]
    readonly issuer: string
    readonly audience: string
  }
  const jsonwebtoken: { verify(token: string, key: unknown, options: VerifyOptions): unknown }
  export default jsonwebtoken
}
