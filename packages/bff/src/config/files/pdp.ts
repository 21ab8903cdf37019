import { z } from 'zod'
import type { SecretSource } from '../source.ts'
import { certificatesIn } from './certificates.ts'
import type { ConfigDocument } from './document.ts'
import type { Mistakes } from './mistakes.ts'
import { routePath, shapeOf } from './path.ts'
import { clientSecretOf, hasSecret, secretFields } from './secret.ts'
import { absentParameters, type MethodTargets, methodTargets } from './targets.ts'
import { type Reach, seconds, serviceUrl, text, wholeNumber, yesOrNo } from './values.ts'

/** The policy decision point (AuthZEN Authorization API 1.0), as pdp.yaml has it. */
export interface Pdp {
  readonly evaluation: URL
  readonly batch: URL
  readonly credentials: PdpCredentials | undefined
  /** Over all tries of one decision. */
  readonly timeoutMs: number
  readonly tls: {
    readonly isVerified: boolean
    /** Of who vouches for it besides those whom everybody trusts, as PEM. */
    readonly certificates: string | undefined
  }
  /** For how long a decision is good, by what it was; 0 is not to keep it. */
  readonly cache: { readonly allowMs: number; readonly denyMs: number; readonly maxSize: number }
  readonly retry: { readonly attempts: number; readonly backoffMs: number }
  /** After so many failures it is left alone for a while. */
  readonly breaker:
    | { readonly failures: number; readonly errorPercentage: number; readonly recoveryMs: number }
    | undefined
  readonly endpoints: readonly Endpoint[]
}

export interface PdpCredentials {
  readonly clientId: string
  readonly clientSecret: SecretSource
  /** Where a token is fetched (client_credentials); without it, id and secret go along with each question (Basic). */
  readonly tokenUrl: URL | undefined
  readonly scope: string | undefined
}

export interface Endpoint {
  readonly path: string
  readonly methods: MethodTargets
}

const below = (path: string) =>
  z
    .string()
    .regex(/^\/[\w./~-]*$/, 'a path that begins with a slash')
    .default(path)

const pdpSchema = (reach: Reach) =>
  z.strictObject({
    connection: z.strictObject({
      base_url: serviceUrl(reach),
      client_id: text.optional(),
      ...secretFields,
      token_url: serviceUrl(reach).optional(),
      scope: text.optional(),
      timeout: seconds(50, 60_000).default(5_000),
      verify_ssl: yesOrNo.default(true),
      dangerously_trust_any_certificate: yesOrNo.default(false),
      ca_file: text.optional(),
    }),
    endpoints: z
      .strictObject({ evaluation: below('/access/v1/evaluation'), batch: below('/access/v1/evaluations') })
      .prefault({}),
    cache: z
      .strictObject({
        ttl_allow: seconds(0, 3_600_000).default(300_000),
        ttl_deny: seconds(0, 3_600_000).default(60_000),
        max_size: wholeNumber(1, 1_000_000).default(10_000),
      })
      .prefault({}),
    retry: z
      .strictObject({ attempts: wholeNumber(1, 10).default(3), backoff: seconds(1, 10_000).default(100) })
      .prefault({}),
    circuit_breaker: z
      .strictObject({
        enabled: yesOrNo.default(true),
        failures: wholeNumber(1, 1_000).default(5),
        error_percentage: wholeNumber(1, 100).default(50),
        recovery: seconds(100, 600_000).default(30_000),
      })
      .prefault({}),
    endpoint_map: z.record(z.string(), methodTargets).default({}),
  })

type Given = z.infer<ReturnType<typeof pdpSchema>>

/** What pdp.yaml says. Whatever is wrong with it is told. */
export function pdpOf(document: ConfigDocument, reach: Reach, mistakes: Mistakes): Pdp | undefined {
  const given = document.check(pdpSchema(reach))
  if (given === undefined) return undefined
  const credentials = credentialsOf(given, document, mistakes)
  const refuse: Refuse = (field, message) => mistakes.add(`${document.place(['connection', field])}: ${message}`)
  const { connection, endpoints, cache, retry, circuit_breaker: breaker } = given
  if (!connection.verify_ssl && !connection.dangerously_trust_any_certificate) {
    refuse(
      'verify_ssl',
      'anybody on the way could allow everything; better name ca_file, or say dangerously_trust_any_certificate: true too',
    )
  }
  if (connection.verify_ssl && connection.dangerously_trust_any_certificate) {
    refuse('dangerously_trust_any_certificate', 'verify_ssl says otherwise')
  }
  return {
    evaluation: joined(connection.base_url, endpoints.evaluation),
    batch: joined(connection.base_url, endpoints.batch),
    credentials,
    timeoutMs: connection.timeout,
    tls: {
      isVerified: connection.verify_ssl,
      certificates: certificatesIn(connection.ca_file, (message) => refuse('ca_file', message)),
    },
    cache: { allowMs: cache.ttl_allow, denyMs: cache.ttl_deny, maxSize: cache.max_size },
    retry: { attempts: retry.attempts, backoffMs: retry.backoff },
    breaker: breaker.enabled
      ? { failures: breaker.failures, errorPercentage: breaker.error_percentage, recoveryMs: breaker.recovery }
      : undefined,
    endpoints: endpointsOf(given, document, mistakes),
  }
}

/** Told with the field that is wrong below `connection`. */
type Refuse = (field: string, message: string) => void

function credentialsOf(
  { connection }: Given,
  document: ConfigDocument,
  mistakes: Mistakes,
): PdpCredentials | undefined {
  const { client_id: clientId, token_url: tokenUrl, scope } = connection
  const refuse: Refuse = (field, message) => mistakes.add(`${document.place(['connection', field])}: ${message}`)
  const clientSecret = clientSecretOf(document, ['connection'], connection, mistakes)
  if (clientId === undefined && hasSecret(connection))
    refuse('client_id', 'missing, and goes together with client_secret')
  if (clientId !== undefined && !hasSecret(connection))
    refuse('client_secret', 'missing, and goes together with client_id')
  if (tokenUrl !== undefined && clientId === undefined) refuse('token_url', 'needs client_id and client_secret')
  if (scope !== undefined && tokenUrl === undefined) refuse('scope', 'is asked for at token_url, which is missing')
  return clientId !== undefined && clientSecret ? { clientId, clientSecret, tokenUrl, scope } : undefined
}

function endpointsOf({ endpoint_map }: Given, document: ConfigDocument, mistakes: Mistakes): Endpoint[] {
  const shapes = new Set<string>()
  return Object.entries(endpoint_map).flatMap(([given, methods]) => {
    const refuse = (message: string) => mistakes.add(`${document.place(['endpoint_map', given])}: ${message}`)
    const path = routePath.safeParse(given)
    if (!path.success) {
      refuse(`expected ${path.error.issues[0]?.message}`)
      return []
    }
    // Letters are not told apart by case where mappings are looked up.
    const shape = shapeOf(path.data).toLowerCase()
    if (shapes.has(shape)) refuse('another entry has this path')
    shapes.add(shape)
    const absent = absentParameters(path.data, methods)
    if (absent.length > 0) refuse(`the path has no parameter ${absent.join(', ')}`)
    return [{ path: path.data, methods }]
  })
}

function joined(base: URL, path: string): URL {
  return new URL(base.href.replace(/\/+$/, '') + path)
}
