/**
 * Requests by which this client authenticates itself.
 *
 * A secret or key changes here and at the identity provider at different moments. So a request that is refused for its authentication is
 * made once more by each other credential that may be tried: authentication comes before everything else (RFC 6749 §3.2.1), so that a code
 * or refresh token is not used up by it. When none is accepted, the newest ones are waited for a moment: a file that is changed together
 * with the provider shows only after that.
 */
import {
  allowInsecureRequests,
  type ClientAuth,
  Configuration,
  clockTolerance,
  customFetch,
  type ServerMetadata,
} from 'openid-client'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { BffError } from '../error.ts'
import type { Credentials } from './credentials/credentials.ts'
import { type Failure, failureOf } from './failure.ts'
import type { Metadata } from './metadata.ts'
import type { reaching } from './reach.ts'

/** Who asks the provider, and by what. */
export interface Client {
  readonly metadata: Metadata
  readonly credentials: Credentials
  readonly fetch: ReturnType<typeof reaching>
  readonly log: Logger
  readonly skewMs: number
  readonly sleep: (ms: number) => Promise<void>
  /** Until when an answer is of use, by a monotonic clock; a request by itself has 10 s. */
  readonly patience?: { readonly clock: Clock; readonly until: number }
}

/** One failed try, as the caller has to judge it. */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure'
  readonly failure: Failure
  /** The request before it was the same one, and may have been carried out. */
  readonly isRepeated: boolean

  constructor(failure: Failure, cause: unknown, isRepeated = false) {
    super(`the identity provider did not do as it was asked (${failure})`, { cause })
    this.failure = failure
    this.isRepeated = isRepeated
  }
}

const betweenTriesMs = 150
const timeoutSeconds = 10

/**
 * Makes a request, once more where nobody can tell whether the first was carried out.
 *
 * @throws ProviderFailure, never for `client`; BffError `IDP_UNAVAILABLE` where nothing can be asked
 */
export async function authenticated<T>(client: Client, ask: (by: Configuration) => Promise<T>): Promise<T> {
  try {
    return await byAnyCredential(client, ask)
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.failure !== 'unanswered' || secondsLeft(client) === 0) throw error
    client.log.warn({ err: error.cause }, 'a request to the identity provider was not answered, and is made once more')
  }
  await client.sleep(betweenTriesMs)
  try {
    return await byAnyCredential(client, ask)
  } catch (error) {
    throw error instanceof ProviderFailure ? new ProviderFailure(error.failure, error.cause, true) : error
  }
}

async function byAnyCredential<T>(client: Client, ask: (by: Configuration) => Promise<T>): Promise<T> {
  const metadata = await client.metadata.current()
  const tried = new Set<string>()
  const first = await byUntried(client, metadata, tried, ask)
  if (first.done) return first.value
  await client.credentials.lookAgain()
  const second = await byUntried(client, metadata, tried, ask)
  if (second.done) return second.value
  client.metadata.doubt()
  client.log.error({ tried: [...tried] }, 'the identity provider accepts none of the credentials of this client')
  throw new BffError('IDP_UNAVAILABLE', 'the identity provider does not accept this client')
}

type Tried<T> = { done: true; value: T } | { done: false }

async function byUntried<T>(
  { credentials, ...client }: Client,
  metadata: ServerMetadata,
  tried: Set<string>,
  ask: (by: Configuration) => Promise<T>,
): Promise<Tried<T>> {
  for (const credential of await credentials.candidates()) {
    if (tried.has(credential.id)) continue
    tried.add(credential.id)
    try {
      const value = await ask(configurationOf(client, metadata, credential))
      credentials.worked(credential)
      return { done: true, value }
    } catch (error) {
      const failure = failureOf(error)
      if (failure !== 'client') {
        if (failure === 'grant') credentials.worked(credential)
        if (failure === 'unanswered' || failure === 'unavailable') client.metadata.doubt()
        throw new ProviderFailure(failure, error)
      }
      credentials.refused(credential)
    }
  }
  return { done: false }
}

/** The library's view of the provider and of this client, authenticating by one credential or not at all. */
export function configurationOf(
  client: Pick<Client, 'fetch' | 'skewMs' | 'patience'>,
  metadata: ServerMetadata,
  { clientId, authenticate }: { clientId: string; authenticate: ClientAuth },
): Configuration {
  const { fetch, skewMs } = client
  const configuration = new Configuration(
    metadata,
    clientId,
    { [clockTolerance]: Math.ceil(skewMs / 1000) },
    authenticate,
  )
  // What may go in plaintext, and where, is decided where requests leave.
  allowInsecureRequests(configuration)
  configuration[customFetch] = fetch
  configuration.timeout = Math.max(1, secondsLeft(client))
  return configuration
}

/** Whole ones: the library knows no others. */
function secondsLeft({ patience }: Pick<Client, 'patience'>): number {
  if (patience === undefined) return timeoutSeconds
  return Math.min(timeoutSeconds, Math.max(0, Math.round((patience.until - patience.clock()) / 1_000)))
}
