import { VerifyError } from '../../error.ts'
import type { Revision } from '../source.ts'
import { isRevision } from './message.ts'

/** How an issuer answered a renewal; `leaseMs` 0 means that it holds something newer than what was acknowledged. */
export interface LeaseReply extends Revision {
  readonly leaseMs: number
}

/** What a verifier says about itself with each renewal. */
export interface Acknowledgement {
  readonly instance: string
  readonly library: string
  readonly algorithms: readonly string[]
  readonly mode: 'fail-closed' | 'last-known-good'
  readonly ceilingSeconds?: number
}

export interface IssuerOptions {
  readonly base: URL
  readonly clientId: string
  readonly clientSecret: string
  readonly fetch: typeof globalThis.fetch
}

/** A promise of more than an hour is a mistake of the issuer, not a lease. */
const LONGEST_LEASE_SECONDS = 3600
const LONGEST_REPLY = 65_536

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function basicAuth(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${formEncode(id)}:${formEncode(secret)}`).toString('base64')}`
}

function leaseReply(text: string): LeaseReply {
  const value = JSON.parse(text) as { epoch?: unknown; n?: unknown; leaseSeconds?: unknown } | null
  const seconds = value?.leaseSeconds
  if (!value || !isRevision(value) || typeof seconds !== 'number' || !(seconds >= 0)) {
    throw new TypeError('the reply is no lease')
  }
  if (seconds > LONGEST_LEASE_SECONDS) throw new RangeError('the lease is longer than any issuer would grant')
  return { epoch: value.epoch, n: value.n, leaseMs: seconds * 1000 }
}

/** The trust endpoints of a Rekey issuer, called with the verifier's own credential. */
export class Issuer {
  readonly #feed: string
  readonly #lease: string
  readonly #authorization: string
  readonly #fetch: typeof globalThis.fetch

  constructor({ base, clientId, clientSecret, fetch }: IssuerOptions) {
    const root = `${base.origin}${base.pathname.replace(/\/+$/, '')}`
    this.#feed = `${root}/trust/feed`
    this.#lease = `${root}/trust/lease`
    this.#authorization = basicAuth(clientId, clientSecret)
    this.#fetch = fetch
  }

  /** Opens the feed, after `lastEventId` or from the beginning; resolves to its body. */
  async openFeed(lastEventId: string | undefined, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const headers: Record<string, string> = { accept: 'text/event-stream', authorization: this.#authorization }
    if (lastEventId !== undefined) headers['last-event-id'] = lastEventId
    // A redirect comes as its own status, which is refused. By 'error', Node 20 and 22 would forget the signal once the
    // garbage collector has run: a silent feed could not be left any more (measured with 20.20 and 22.23).
    const response = await this.#fetch(this.#feed, { headers, redirect: 'manual', signal })
    const type = response.headers.get('content-type') ?? ''
    if (response.status === 200 && response.body !== null && /^text\/event-stream\b/i.test(type)) return response.body
    await response.body?.cancel()
    throw new VerifyError('feed_failed', { detail: `status ${response.status}` })
  }

  /** Acknowledges a revision and asks for a lease on it. */
  async renew(held: Revision, about: Acknowledgement, signal: AbortSignal): Promise<LeaseReply> {
    const response = await this.#send('POST', { ...about, epoch: held.epoch, n: held.n }, signal)
    const text = await response.text()
    if (response.status !== 200) throw new VerifyError('lease_refused', { detail: `status ${response.status}` })
    if (text.length > LONGEST_REPLY) throw new VerifyError('lease_refused', { detail: 'the reply is too large' })
    try {
      return leaseReply(text)
    } catch (cause) {
      throw new VerifyError('lease_refused', { detail: 'the reply cannot be read', cause })
    }
  }

  /** Says goodbye, so that no rotation waits for this instance. */
  async leave(instance: string, signal: AbortSignal): Promise<void> {
    const response = await this.#send('DELETE', { instance }, signal)
    await response.body?.cancel()
    if (!response.ok) throw new VerifyError('lease_refused', { detail: `status ${response.status}` })
  }

  #send(method: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const headers = { authorization: this.#authorization, 'content-type': 'application/json' }
    return this.#fetch(this.#lease, { method, headers, body: JSON.stringify(body), redirect: 'manual', signal })
  }
}
