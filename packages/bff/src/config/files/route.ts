/** One route of routes.yaml. */
export interface Route {
  /** What Fastify takes as a path, below which everything is meant when it ends in `/*` or `/**`. */
  readonly path: string
  /** Base URL of the service behind it. */
  readonly targetService: URL
  /** Takes the place of `path` in the request to the service; by default the part that the wildcard matched, or the path itself. */
  readonly upstreamPath: string | undefined
  readonly methods: readonly string[]
  /** By what the caller is known: a session, a bearer token, a one-use link, or not at all. */
  readonly auth: 'session' | 'bearer' | 'link' | 'none'
  /** Whether the policy decision point is asked. */
  readonly authz: 'none' | 'pdp'
  readonly authzMap: AuthzTarget | undefined
  /** Nothing of the reply is buffered, and it may last for ever (server-sent events). */
  readonly streaming: boolean
  /** The service sees the path as the browser asked for it. */
  readonly preservePath: boolean
  /** Answered on loopback only. */
  readonly internal: boolean
}

/** What the policy decision point is asked about. */
export interface AuthzTarget {
  readonly resource: string
  readonly action: string
  /** Where the id of the resource is found: `path:id`, `query:id`, `body:id`. */
  readonly idFrom: string | undefined
  readonly props: Readonly<Record<string, string>>
}
