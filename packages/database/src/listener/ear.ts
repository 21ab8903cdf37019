import { randomBytes } from 'node:crypto'
import { asDatabaseError } from '../connection/translate.ts'
import { DatabaseError } from '../error.ts'
import { type Heartbeat, startHeartbeat } from './heartbeat.ts'
import { type Link, openLink } from './link.ts'

const firstPingMs = 3000
const firstPing = 0

/**
 * Why a listener went deaf. `connection-broken`: the connection ended. `pings-missed`: it seems to be open, but two
 * pings did not come back: it is half-open, or the database takes no notifications (`error` is then why the last was
 * not sent).
 */
export interface LostReason {
  kind: 'connection-broken' | 'pings-missed'
  error?: unknown
}

export interface EarOptions {
  url: string
  channel: string
  notify: (channel: string, payload: string) => Promise<void>
  onNotify: (payload: string) => void
  pingMs: number
}

/** A connection that was proven to hear. */
export interface Ear {
  close(): void
}

/** Connects, listens, and returns when the first ping has come back. `lost` is called once, when it hears no more. */
export async function openEar(options: EarOptions, lost: (reason: LostReason) => void): Promise<Ear> {
  // A channel of its own: no other listener is woken by these.
  const pingChannel = `rekey_ping_${randomBytes(12).toString('hex')}`
  const first = Promise.withResolvers<void>()
  // The connection may break before anybody waits for the first ping; opening then throws by itself.
  first.promise.catch(() => undefined)
  let heartbeat: Heartbeat | undefined
  let ended = (reason: LostReason) => first.reject(reason.error)

  const link = await openLink(options.url, [options.channel, pingChannel], {
    notification(channel, payload) {
      if (channel !== pingChannel) return options.onNotify(payload)
      if (Number(payload) === firstPing) first.resolve()
      else heartbeat?.heard(Number(payload))
    },
    broken: (error) => ended({ kind: 'connection-broken', error: asDatabaseError(error) }),
  })
  await provenBy(options.notify(pingChannel, `${firstPing}`), first.promise, link)

  const close = () => {
    heartbeat?.stop()
    link.cut()
  }
  ended = (reason) => {
    close()
    lost(reason)
  }
  heartbeat = startHeartbeat({
    pingMs: options.pingMs,
    send: (number) => options.notify(pingChannel, `${number}`),
    missed: (error) => ended({ kind: 'pings-missed', error }),
  })
  return { close }
}

async function provenBy(sending: Promise<void>, heard: Promise<void>, link: Link): Promise<void> {
  let sent = false
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(sent ? unsupported() : notSent()), firstPingMs)
  const sendingFailed = sending.then(() => {
    sent = true
    return heard
  })
  try {
    await Promise.race([heard, sendingFailed, late])
  } catch (error) {
    link.cut()
    throw asDatabaseError(error)
  } finally {
    clearTimeout(timer)
    // Whoever lost the race may still reject.
    sendingFailed.catch(() => undefined)
  }
}

function unsupported(): DatabaseError {
  return new DatabaseError(
    'LISTEN_UNSUPPORTED',
    'This connection does not deliver notifications. A pooler in transaction mode (PgBouncer) cannot carry LISTEN: ' +
      'set DATABASE_DIRECT_URL to the address of PostgreSQL itself.',
  )
}

function notSent(): DatabaseError {
  return new DatabaseError('UNREACHABLE', 'PostgreSQL did not take a notification in time.')
}
