import type { MethodTargets } from './targets.ts'

/** One route of routes.yaml. */
export interface Route {
  /** What Fastify takes as a path: parameters are `:name`, and one that ends in `/*` is everything below. */
  readonly path: string
  /** Base URL of the service behind it. */
  readonly targetService: URL
  /** Takes the place of `path` in the request to the service; by default the part that the wildcard matched, or the path itself. */
  readonly upstreamPath: string | undefined
  /** In capitals; never empty. */
  readonly methods: readonly string[]
  /** By what the caller is known: a session, a bearer token, a one-use link, or not at all. */
  readonly auth: 'session' | 'bearer' | 'link' | 'none'
  /** All of which a bearer token must have. */
  readonly scopes: readonly string[]
  /** Whether the policy decision point is asked. */
  readonly authz: 'none' | 'pdp'
  /** Goes before what pdp.yaml says of the path. */
  readonly authzMap: MethodTargets | undefined
  /** Nothing of the reply is buffered, and it may last for ever (server-sent events). */
  readonly streaming: boolean
  /** The service sees the path as the browser asked for it. */
  readonly preservePath: boolean
  /** Answered on loopback only. */
  readonly internal: boolean
}
