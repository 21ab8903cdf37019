import type { ChangeRecord } from '@rekey/database'
import { iso } from '@rekey/service'
import { IdpError } from '../../error.ts'
import type { IdpDatabase } from '../../tables.ts'

/** The topic under which a change of what is frozen is announced to the instances; the key is the incident. */
export const incidentTopic = 'incidents'

/** An incident that freezes administration, and since when, in milliseconds since the epoch. */
export interface Freezing {
  incident: string
  since: number
}

/** What is frozen, as an instance holds it. */
export interface Freeze {
  /** The incidents that freeze administration now; the first of them began. */
  by(): readonly Freezing[]
  /** @throws IdpError `ADMINISTRATION_FROZEN` while any incident freezes administration */
  requireNone(): void
  /**
   * For what serves an incident.
   *
   * @throws IdpError `ADMINISTRATION_FROZEN` while administration is frozen, and not by this incident
   */
  requireNoneBut(incident: string | undefined): void
}

/** What freezes administration now, read from the database. */
export async function freezingNow(db: IdpDatabase): Promise<Freezing[]> {
  const rows = await db
    .selectFrom('incidents')
    .select(['incident', 'frozen_at', 'opened_at'])
    .where('frozen', '=', true)
    .orderBy('frozen_at')
    .orderBy('incident')
    .execute()
  return rows.map(({ incident, frozen_at, opened_at }) => ({ incident, since: frozen_at ?? opened_at }))
}

/**
 * Part of what an instance holds on its view of the database.
 *
 * @param onRead is told what was read
 */
export function freezeMemory(read: () => Promise<Freezing[]>, onRead: (now: readonly Freezing[]) => void) {
  let current: readonly Freezing[] | undefined

  async function readAll(): Promise<void> {
    current = await read()
    onRead(current)
  }

  function by(): readonly Freezing[] {
    if (!current) throw new Error('nothing was read yet')
    return current
  }

  function requireNoneBut(incident: string | undefined): void {
    const [oldest] = by()
    if (oldest && !by().some((freezing) => freezing.incident === incident)) throw frozen(oldest)
  }

  return {
    by,
    requireNoneBut,
    requireNone: () => requireNoneBut(undefined),
    reload: readAll,
    async apply(changes: readonly ChangeRecord[]): Promise<void> {
      if (changes.some(({ topic }) => topic === incidentTopic)) await readAll()
    },
  }
}

function frozen({ incident, since }: Freezing): IdpError {
  const message = `administration is frozen by ${incident}, until somebody unfreezes that`
  return new IdpError('ADMINISTRATION_FROZEN', message, { facts: { incident, frozenAt: iso(since) } })
}
