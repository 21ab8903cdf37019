import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from '@rekey/database'
import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import { sessionsBy } from '../sessions/end.ts'
import type { BffTables } from '../tables.ts'

/** Counting reads every live session: scrapes may be as often as they like. */
const countedForMs = 10_000

/** More than counting takes, and less than whoever scrapes waits: the other metrics are wanted while the database hangs. */
const patienceMs = 500

const columns = { session: 'sealed_by', 'token-hash': 'salt_version' } as const

/**
 * How many live sessions hang on which version. While they are being counted the last numbers are told; where they cannot be
 * counted, nothing is.
 *
 * @param clock monotonic
 */
export function sessionGauge(registry: Registry, { db }: Pick<Connection<BffTables>, 'db'>, clock: Clock): void {
  let counting: Promise<void> | undefined
  let since = Number.NEGATIVE_INFINITY

  const gauge = new Gauge({
    name: 'rekey_bff_sessions',
    help: 'Live sessions, by the version of the keyring that they hang on',
    labelNames: ['keyring', 'version'] as const,
    registers: [registry],
    async collect() {
      if (clock() - since > countedForMs) {
        counting ??= count().finally(() => {
          counting = undefined
        })
      }
      if (counting) await Promise.race([counting, pause(patienceMs, undefined, { ref: false })])
    },
  })

  async function count(): Promise<void> {
    since = clock()
    try {
      const counts = Object.entries(columns).map(async ([keyring, column]) => ({
        keyring,
        by: await sessionsBy(db, column),
      }))
      const all = await Promise.all(counts)
      gauge.reset()
      for (const { keyring, by } of all) {
        for (const [version, { count }] of by) gauge.set({ keyring, version }, count)
      }
    } catch {
      // The lease says that there is no database; here a number that was true once would say that there is one.
      gauge.reset()
    }
  }
}
