import { setTimeout as wait } from 'node:timers/promises'
import { asDatabaseError } from '../connection/translate.ts'
import { backoffMs } from './backoff.ts'
import { type Ear, type LostReason, openEar } from './ear.ts'

const defaultPingMs = 1000

/** What a listener needs to know. The callbacks must not throw. */
export interface ListenerOptions {
  /** A direct connection: a pooler in transaction mode cannot carry LISTEN. */
  url: string
  channel: string
  /** Sends through the ordinary pool (`notifyThrough`), so that a ping proves the way that real notifications take. */
  notify: (channel: string, payload: string) => Promise<void>
  onNotify: (payload: string) => void
  /** Called at once when it goes deaf: whatever was cached may be stale from here on. */
  onLost: (reason: LostReason) => void
  /** Called when it hears again. What was sent in between is gone: look for what changed. */
  onRestored: () => void
  /** Told of each attempt to come back that failed, for a log line. */
  onRetry?: (error: unknown) => void
  /** Between two pings; 1 s by default. Going deaf is noticed within three of them. */
  pingMs?: number
  /** In [0, 1); spreads reconnections. */
  random?: () => number
}

/** An open listener. */
export interface Listener {
  /** Ends it; nothing is called any more. */
  close(): void
}

/**
 * Listens to a channel on a connection of its own, and knows whether it hears: it does when a ping of its own has come
 * back. PostgreSQL delivers in commit order, so whatever was committed before that ping has been delivered too.
 *
 * opening ─(first ping heard)→ hearing ─(two pings missed, or connection broken)→ deaf
 * deaf ─(reconnected, first ping heard)→ hearing
 *
 * Rejects with LISTEN_UNSUPPORTED when the first ping is not heard within 3 s, and with the codes of connections when
 * it cannot connect. Once open it retries for ever, 0.1 to 5 s apart.
 */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const closing = new AbortController()
  const lost = async (reason: LostReason) => {
    options.onLost(reason)
    const restored = await reopen(options, lost, closing.signal)
    if (!restored) return
    ear = restored
    options.onRestored()
  }
  let ear = await open(options, lost)
  return {
    close() {
      closing.abort()
      ear.close()
    },
  }
}

async function open(options: ListenerOptions, lost: (reason: LostReason) => void): Promise<Ear> {
  try {
    return await openEar({ ...options, pingMs: options.pingMs ?? defaultPingMs }, lost)
  } catch (error) {
    throw asDatabaseError(error)
  }
}

/** Tries until it hears; undefined when it was closed meanwhile. */
async function reopen(
  options: ListenerOptions,
  lost: (reason: LostReason) => void,
  closing: AbortSignal,
): Promise<Ear | undefined> {
  for (let attempt = 0; !closing.aborted; attempt++) {
    try {
      await wait(backoffMs(attempt, options.random ?? Math.random), undefined, { signal: closing })
      const ear = await open(options, lost)
      if (!closing.aborted) return ear
      ear.close()
    } catch (error) {
      if (!closing.aborted) options.onRetry?.(error)
    }
  }
  return undefined
}
