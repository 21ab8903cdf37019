/** What the identity provider says of itself (OpenID Connect Discovery 1.0 §4). */
import type { ServerMetadata } from 'openid-client'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { BffError } from '../error.ts'

/** What the provider says of itself (OpenID Connect Discovery). */
export interface Metadata {
  /** What was read last, however old. */
  known(): ServerMetadata | undefined
  /** @throws BffError `IDP_UNAVAILABLE` while nothing was read yet */
  current(): Promise<ServerMetadata>
  /** Something did not go as the metadata say: they are read again before the next use. */
  doubt(): void
}

interface Source {
  readonly baseUrl: string
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  /** Monotonic. */
  readonly clock: Clock
  readonly onFailure: (error: unknown) => void
}

/** After one attempt that failed nobody is asked for so long: logins do not queue behind a provider that is away. */
const coolDownMs = 1_000
const freshMs = 3_600_000
const timeoutMs = 5_000

const document = z.looseObject({
  issuer: z.url({ protocol: /^https?$/ }),
  authorization_endpoint: z.url({ protocol: /^https?$/ }),
  token_endpoint: z.url({ protocol: /^https?$/ }),
  jwks_uri: z.url({ protocol: /^https?$/ }),
})

export function providerMetadata({ baseUrl, fetch, clock, onFailure }: Source): Metadata {
  let held: { metadata: ServerMetadata; readAt: number } | undefined
  let failedAt: number | undefined
  let isDoubted = false
  let underWay: Promise<ServerMetadata> | undefined

  const isCooling = (): boolean => failedAt !== undefined && clock() - failedAt < coolDownMs

  async function read(): Promise<ServerMetadata> {
    try {
      const metadata = await readFrom(baseUrl, fetch)
      held = { metadata, readAt: clock() }
      failedAt = undefined
      isDoubted = false
      return metadata
    } catch (error) {
      failedAt = clock()
      onFailure(error)
      throw new BffError('IDP_UNAVAILABLE', 'the identity provider does not answer', { cause: error })
    } finally {
      underWay = undefined
    }
  }

  const readOnce = (): Promise<ServerMetadata> => {
    underWay ??= read()
    return underWay
  }

  async function current(): Promise<ServerMetadata> {
    if (held === undefined) {
      if (underWay === undefined && isCooling())
        throw new BffError('IDP_UNAVAILABLE', 'the identity provider did not answer a moment ago')
      return readOnce()
    }
    const isOld = isDoubted || clock() - held.readAt > freshMs
    // Nobody waits for news of what is known: it hardly ever changes.
    if (isOld && !isCooling()) void readOnce().catch(() => undefined)
    return held.metadata
  }

  return {
    known: () => held?.metadata,
    current,
    doubt() {
      isDoubted = true
    },
  }
}

async function readFrom(baseUrl: string, fetch: Source['fetch']): Promise<ServerMetadata> {
  const response = await fetch(`${baseUrl}/.well-known/openid-configuration`, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the metadata document is answered by ${response.status}`)
  }
  return document.parse(await response.json()) as ServerMetadata
}
