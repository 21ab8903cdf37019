/** Sends numbered pings and notices when they are not heard. */
export interface Heartbeat {
  /** A ping arrived. */
  heard(number: number): void
  stop(): void
}

export interface HeartbeatOptions {
  pingMs: number
  send(number: number): Promise<void>
  /** Two pings in a row were not heard within `pingMs` each. The last error of `send`, if it had one. Called once. */
  missed(error: unknown): void
}

const toleratedMisses = 1

/** Starts with a ping at once. */
export function startHeartbeat({ pingMs, send, missed }: HeartbeatOptions): Heartbeat {
  let sent = 0
  let heard = 0
  let misses = 0
  let sending = false
  let lastError: unknown

  const ping = () => {
    // A send that hangs counts as missed. Another one behind it would only fill the pool.
    if (sending) return
    sent += 1
    sending = true
    send(sent)
      .catch((error) => {
        lastError = error
      })
      .finally(() => {
        sending = false
      })
  }
  const tick = () => {
    misses = heard === sent ? 0 : misses + 1
    if (misses <= toleratedMisses) return ping()
    clearInterval(timer)
    missed(lastError)
  }
  const timer = setInterval(tick, pingMs)
  ping()
  return {
    heard: (number) => {
      heard = Math.max(heard, number)
    },
    stop: () => clearInterval(timer),
  }
}
