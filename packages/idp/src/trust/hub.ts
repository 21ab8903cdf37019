import type { ServerResponse } from 'node:http'
import type { Version } from '@rekey/keyring'

/** How long a verifier may act on a trust set after the renewal that it sent last. */
export const trustLeaseMs = 15_000
const keepAliveMs = 1_000
/** A reader that leaves this much unread is cut off; it comes back and gets the newest set at once. */
const maxUnreadBytes = 1_048_576

/** What verifiers are told: at revision `n`, exactly these keys are good, and these are revoked for ever. */
export interface TrustSet {
  /** Grows when the database was restored: within an epoch, revisions never go backwards. */
  epoch: number
  n: number
  keys: readonly Version['publicPart'][]
  revokedKids: readonly string[]
}

/** Pushes the trust set to every verifier that is connected to this instance, as server-sent events. */
export function trustHub() {
  const readers = new Set<ServerResponse>()
  let current: TrustSet | undefined
  const beat = setInterval(() => sendAll(': alive\n\n'), keepAliveMs).unref()

  function sendAll(text: string): void {
    for (const reader of readers) send(reader, text)
  }

  function send(reader: ServerResponse, text: string): void {
    if (reader.writableLength > maxUnreadBytes) reader.destroy()
    else reader.write(text)
  }

  return {
    /** Tells every reader, unless they were told this revision already. */
    publish(next: TrustSet): void {
      const told = current
      current = next
      if (told?.epoch === next.epoch && told.n === next.n) return
      const known = new Set(told?.epoch === next.epoch ? told.revokedKids : [])
      const full = told?.epoch !== next.epoch
      sendAll(eventOf(next, { full, revokedKids: next.revokedKids.filter((kid) => !known.has(kid)) }))
    },
    /**
     * Adds a reader. It gets the whole set at once, unless it says that it holds the newest one.
     *
     * @param lastEventId `epoch.n`, from the header Last-Event-ID
     */
    add(reader: ServerResponse, lastEventId: string | undefined): void {
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
      else send(reader, eventOf(current, { full: true, revokedKids: current.revokedKids }))
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
      clearInterval(beat)
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
function eventOf(set: TrustSet, change: { full: boolean; revokedKids: readonly string[] }): string {
  const data = {
    epoch: set.epoch,
    n: set.n,
    full: change.full,
    jwks: { keys: set.keys },
    revokedKids: change.revokedKids,
    leaseSeconds: trustLeaseMs / 1_000,
  }
  return `id: ${idOf(set)}\nevent: trust\ndata: ${JSON.stringify(data)}\n\n`
}
