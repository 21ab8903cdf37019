/**
 * Encrypts anew what lies under another key than the one in use, as soon as there is any and without anybody asking. Every
 * instance does it: batches take turns by a lock in the database, so that one is at work at a time, and any other carries on
 * where one was killed.
 */
import { type ColumnCount, countValues, recordEvent, reencrypt, type SweepOutcome } from '@rekey/database'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import { monotonicClock } from '../clock.ts'
import type { IdpDatabase } from '../tables.ts'
import { encryptedColumns } from './list.ts'
import type { ColumnKeyring } from './open.ts'
import { sweepingNow } from './sweeping.ts'

const lookEveryMs = 1_000
/** Nothing was left: another release, or a restored backup, may bring some. */
const restMs = 10_000
/** What is left does not open: somebody has to look at it, and it is tried again all the same. */
const restAfterRefusalMs = 60_000

/** The automatic sweep of one instance. */
export interface ColumnSweeper {
  /** Values that could not be opened, as this instance met them last. */
  refused(): SweepOutcome['refused']
  /** Why it did not get through, while that is so. */
  trouble(): string | undefined
  /** Looks at once instead of at the next beat. */
  poke(): void
  stop(): Promise<void>
}

/** @param mayAct does this instance hold its lease? */
export function columnSweeper(
  db: IdpDatabase,
  { cipher, held }: Pick<ColumnKeyring, 'cipher' | 'held'>,
  mayAct: () => boolean,
  log: Logger,
): ColumnSweeper {
  const ending = new AbortController()
  let refused: SweepOutcome['refused'] = []
  let trouble: string | undefined
  let restsUntil = 0
  let sealedBy: string | undefined

  async function look(): Promise<void> {
    const sealing = held.sealing?.id
    const isDue = sealing !== sealedBy || monotonicClock() >= restsUntil
    if (sealing === undefined || !mayAct() || !isDue) return
    const { isPaused, perSecond } = await sweepingNow(db)
    if (isPaused || ending.signal.aborted) return
    sealedBy = sealing
    restsUntil = monotonicClock() + (await sweepOnce(sealing, perSecond))
    trouble = undefined
  }

  /** @returns how long it may rest */
  async function sweepOnce(sealing: string, perSecond: number | null): Promise<number> {
    if (leftIn(await countValues(db, encryptedColumns), sealing) === 0) {
      refused = []
      return restMs
    }
    const turn = new AbortController()
    const endTurn = endedWhen(turn, ending.signal, () => isOver(sealing, perSecond))
    try {
      const pace = perSecond === null ? {} : { perSecond }
      const outcome = await reencrypt(db, encryptedColumns, cipher, { ...pace, signal: turn.signal })
      if (!turn.signal.aborted) await noteOutcome(sealing, outcome)
      return outcome.left.length > 0 && outcome.moved === 0 ? restAfterRefusalMs : 0
    } finally {
      await endTurn()
    }
  }

  /** Was it paused meanwhile, told another pace, or another key put in the place of this one? */
  async function isOver(sealing: string, perSecond: number | null): Promise<boolean> {
    if (!mayAct() || held.sealing?.id !== sealing) return true
    const now = await sweepingNow(db)
    return now.isPaused || now.perSecond !== perSecond
  }

  async function noteOutcome(version: string, { moved, left, refused: met }: SweepOutcome): Promise<void> {
    if (met.length > 0) log.warn({ values: met.slice(0, 20) }, 'values of encrypted columns do not open, and were left')
    refused = met
    if (moved === 0) return
    const details = { version, values: moved, left: left.reduce((sum, { count }) => sum + count, 0) }
    const event = { action: 'columns.reencrypted', outcome: 'success', actor: 'rekey', details } as const
    await db.transaction().execute((transaction) => recordEvent(transaction, event))
  }

  let running = Promise.resolve()
  const step = () => {
    running = running.then(look).catch((error) => {
      trouble = (error as Error).message
      log.error({ err: error }, 'columns could not be encrypted anew')
    })
    return running
  }
  const end = every(lookEveryMs, step, (error) => log.error({ err: error }))

  return {
    refused: () => refused,
    trouble: () => trouble,
    poke() {
      restsUntil = 0
      step()
    },
    async stop() {
      ending.abort()
      await end()
      await running
    },
  }
}

/** How many values are not encrypted by the key in use. */
export function leftIn(counts: readonly ColumnCount[], sealing: string | undefined): number {
  return counts.filter(({ version }) => version !== sealing).reduce((sum, { count }) => sum + count, 0)
}

/** @returns ends the looking */
function endedWhen(turn: AbortController, ending: AbortSignal, isOver: () => Promise<boolean>): () => Promise<void> {
  const abort = () => turn.abort()
  ending.addEventListener('abort', abort, { once: true })
  const stop = every(lookEveryMs, async () => ((await isOver()) ? abort() : undefined), abort)
  return async () => {
    ending.removeEventListener('abort', abort)
    await stop()
  }
}
