import type { ServerResponse } from 'node:http'
import type { Version } from '@rekey/keyring'

/** How long a verifier may act on a trust set after the renewal that it sent last. */
export const trustLeaseMs = 15_000
const keepAliveMs = 1_000
/** A reader that leaves this much unread is cut off; it comes back and gets the newest set at once. */
const maxUnreadBytes = 1_048_576

/** Acknowledgements of one event that an instance takes each second without anybody being turned away. */
const acknowledgementsPerSecond = 500
const longestSpreadMs = 2_000

/** What verifiers are told: at revision `n`, exactly these keys are good, and these are revoked for ever. */
export interface TrustSet {
  /** Grows when the database was restored: within an epoch, revisions never go backwards. */
  epoch: number
  n: number
  keys: readonly Version['publicPart'][]
  revokedKids: readonly string[]
}

/** What the hub needs of the response to a verifier that reads its feed. */
export type FeedReader = Pick<
  ServerResponse,
  'destroyed' | 'writableLength' | 'writeHead' | 'write' | 'end' | 'destroy' | 'on'
>

/** Runs `act` again and again, `everyMs` apart; the function returned ends it. */
type Every = (everyMs: number, act: () => void) => () => void

const systemEvery: Every = (everyMs, act) => {
  const timer = setInterval(act, everyMs).unref()
  return () => clearInterval(timer)
}

/**
 * Pushes the trust set to every verifier that is connected to this instance, as server-sent events.
 *
 * @param every what the beat comes from that keeps feeds alive
 */
export function trustHub(every: Every = systemEvery) {
  const readers = new Set<FeedReader>()
  let current: TrustSet | undefined
  const endBeat = every(keepAliveMs, () => sendAll(': alive\n\n'))

  function sendAll(text: string): void {
    for (const reader of readers) send(reader, text)
  }

  function send(reader: FeedReader, text: string): void {
    if (reader.writableLength > maxUnreadBytes) reader.destroy()
    else reader.write(text)
  }

  /** So that a thousand verifiers do not all acknowledge in the moment in which the rest has yet to hear. */
  function spreadMs(): number {
    return Math.min(longestSpreadMs, Math.floor((readers.size * 1_000) / acknowledgementsPerSecond))
  }

  return {
    /** Tells every reader, unless they were told this revision already. */
    publish(next: TrustSet): void {
      const told = current
      current = next
      if (told?.epoch === next.epoch && told.n === next.n) return
      const known = new Set(told?.epoch === next.epoch ? told.revokedKids : [])
      const full = told?.epoch !== next.epoch
      sendAll(
        eventOf(next, { full, revokedKids: next.revokedKids.filter((kid) => !known.has(kid)), spreadMs: spreadMs() }),
      )
    },
    /**
     * Adds a reader. It gets the whole set at once, unless it says that it holds the newest one.
     *
     * @param lastEventId `epoch.n`, from the header Last-Event-ID
     */
    add(reader: FeedReader, lastEventId: string | undefined): void {
      if (reader.destroyed) return
      reader.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      readers.add(reader)
      reader.on('close', () => readers.delete(reader))
      // A reader that breaks off is no error of ours: 'close' follows, and it comes back.
      reader.on('error', () => reader.destroy())
      if (!current || lastEventId === idOf(current)) send(reader, ': nothing newer\n\n')
      else send(reader, eventOf(current, { full: true, revokedKids: current.revokedKids, spreadMs: spreadMs() }))
    },
    /** Sends every reader away: they must find an instance that holds a lease. */
    closeAll(): void {
      for (const reader of readers) {
        readers.delete(reader)
        if (reader.writableLength > 0) reader.destroy()
        else reader.end()
      }
    },
    /** Ends the hub. */
    close(): void {
      endBeat()
      this.closeAll()
    },
    readers: () => readers.size,
  }
}

export type TrustHub = ReturnType<typeof trustHub>

function idOf(set: TrustSet): string {
  return `${set.epoch}.${set.n}`
}

/** `revokedKids` of a full event replaces nothing: what a verifier knows to be revoked stays revoked. */
function eventOf(set: TrustSet, change: { full: boolean; revokedKids: readonly string[]; spreadMs: number }): string {
  const data = {
    epoch: set.epoch,
    n: set.n,
    full: change.full,
    jwks: { keys: set.keys },
    revokedKids: change.revokedKids,
    leaseSeconds: trustLeaseMs / 1_000,
    acknowledgeWithinMs: change.spreadMs,
  }
  return `id: ${idOf(set)}\nevent: trust\ndata: ${JSON.stringify(data)}\n\n`
}
