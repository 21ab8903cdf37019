import { every, iso } from '@rekey/service'
import type { Logger } from 'pino'
import type { Freezing } from './memory.ts'

const remindEveryMs = 300_000

/** Says in the log when administration is frozen, again and again while it is, and when it is not any more. */
export function freezeReminder(log: Pick<Logger, 'warn'>, everyMs = remindEveryMs) {
  let current: readonly Freezing[] = []
  const tell = ({ incident, since }: Freezing, what: string) => log.warn({ incident, frozenAt: iso(since) }, what)
  const without = (freezing: readonly Freezing[], others: readonly Freezing[]) =>
    freezing.filter(({ incident }) => !others.some((other) => other.incident === incident))

  async function remind(): Promise<void> {
    for (const freezing of current) tell(freezing, 'administration is still frozen')
  }
  const stop = every(everyMs, remind, (error) => log.warn({ err: error }, 'nobody could be reminded of the freeze'))

  return {
    /** Takes what freezes administration now. */
    take(now: readonly Freezing[]): void {
      for (const begun of without(now, current)) tell(begun, 'administration is frozen')
      for (const ended of without(current, now)) tell(ended, 'administration is not frozen by this any more')
      current = now
    },
    close: stop,
  }
}
