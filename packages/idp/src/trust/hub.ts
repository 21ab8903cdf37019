import type { ServerResponse } from 'node:http'
import { changeEvent, idOf, snapshotEvents, type TrustSet } from './events.ts'

const keepAliveMs = 1_000
/** A reader that leaves this much unread is cut off; it comes back and gets the newest set at once. */
const maxUnreadBytes = 1_048_576

/** Acknowledgements of one event that an instance takes each second without anybody being turned away. */
const acknowledgementsPerSecond = 1_500
const longestSpreadMs = 2_000

/** What the hub needs of the response to a verifier that reads its feed. */
export type FeedReader = Pick<
  ServerResponse,
  'destroyed' | 'writableLength' | 'writeHead' | 'write' | 'end' | 'destroy' | 'on' | 'off'
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
  /** Those that are being sent a long set are told nothing else until they have all of it. */
  const readers = new Map<FeedReader, 'follows' | 'catches up'>()
  let current: TrustSet | undefined
  const endBeat = every(keepAliveMs, () => sendAll(': alive\n\n'))

  function sendAll(text: string): void {
    for (const [reader, does] of readers) if (does === 'follows') send(reader, text)
  }

  function send(reader: FeedReader, text: string): void {
    if (reader.writableLength > maxUnreadBytes) reader.destroy()
    else reader.write(text)
  }

  /** Page by page, as it reads them; and again where the set has changed meanwhile. */
  async function sendAllOf(reader: FeedReader, set: TrustSet): Promise<void> {
    const [first = '', ...rest] = snapshotEvents(set, spreadMs())
    send(reader, first)
    if (rest.length > 0) readers.set(reader, 'catches up')
    for (const page of rest) {
      if (!reader.write(page)) await untilRead(reader)
      if (!readers.has(reader)) return
    }
    if (current !== undefined && current !== set) return sendAllOf(reader, current)
    readers.set(reader, 'follows')
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
      const news = next.deniedNews
      if (told?.epoch === next.epoch && news !== undefined) {
        const known = new Set(told.revokedKids)
        const revokedKids = next.revokedKids.filter((kid) => !known.has(kid))
        sendAll(changeEvent(next, news, revokedKids, spreadMs()))
      } else {
        for (const [reader, does] of readers) if (does === 'follows') sendAllOf(reader, next)
      }
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
      readers.set(reader, 'follows')
      reader.on('close', () => readers.delete(reader))
      // A reader that breaks off is no error of ours: 'close' follows, and it comes back.
      reader.on('error', () => reader.destroy())
      if (!current || lastEventId === idOf(current)) send(reader, ': nothing newer\n\n')
      else sendAllOf(reader, current)
    },
    /** Sends every reader away: they must find an instance that holds a lease. */
    closeAll(): void {
      for (const reader of readers.keys()) {
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

/** Resolves when the reader took what was written, or is gone. */
function untilRead(reader: FeedReader): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => {
    reader.off('drain', done).off('close', done)
    resolve()
  }
  reader.on('drain', done).on('close', done)
  return promise
}

export type TrustHub = ReturnType<typeof trustHub>
