import { isAccepted, type Keyring, type Version } from '@rekey/keyring'
import { z } from 'zod'
import { appendToJournal, journalFailed, readJournal } from '../journal/lines.ts'

const entry = z.object({
  keyring: z.string(),
  id: z.string(),
  reason: z.string(),
  incident: z.string().optional(),
  revokedAt: z.number(),
})

/** A disk that hangs must not cost an instance its lease: what could not be written by then is written later. */
const writeWithinMs = 1_000

/** A version that was revoked. */
type Revoked = z.infer<typeof entry>

/** A version that was revoked, and stands in the database as if it never had been. */
export type Forgotten = Revoked & { wasActive: boolean }

/**
 * What was revoked, remembered outside the database: a restored backup does not know of it, and must not bring a stolen
 * key back. An instance keeps it in memory, and where it is given a file, over its own end too: one JSON line a
 * revocation, only ever appended, and written before the instance confirms that it has applied the revocation, if it can
 * be written. Instances on one machine may share it.
 */
export class RevocationJournal {
  readonly #path: string | undefined
  readonly #revoked: Map<string, Revoked>
  #unwritten: readonly Revoked[] = []

  private constructor(path: string | undefined, revoked: readonly Revoked[]) {
    this.#path = path
    this.#revoked = new Map(revoked.map((known) => [known.id, known]))
  }

  /**
   * @param path of the file; without one what is known ends with the process
   * @throws ServiceError `JOURNAL_FAILED` when it cannot be read or is damaged: what it lost might be a stolen key
   */
  static async open(path?: string): Promise<RevocationJournal> {
    return new RevocationJournal(path, path === undefined ? [] : await readJournal(path, entry))
  }

  /**
   * Takes in what keyrings say is revoked.
   *
   * @throws ServiceError `JOURNAL_FAILED` when it could not be made durable: it is remembered in memory, and written at the next
   *   call
   */
  async remember(keyrings: readonly Keyring[]): Promise<void> {
    const news = keyrings.flatMap((keyring) => revokedIn(keyring).filter(({ id }) => !this.#revoked.has(id)))
    for (const known of news) this.#revoked.set(known.id, known)
    this.#unwritten = [...this.#unwritten, ...news]
    if (this.#path === undefined || this.#unwritten.length === 0) return
    const written = this.#unwritten
    await within(writeWithinMs, appendToJournal(this.#path, written), this.#path)
    this.#unwritten = this.#unwritten.filter((known) => !written.includes(known))
  }

  /** Was this version ever revoked? */
  has(id: string): boolean {
    return this.#revoked.has(id)
  }

  /** The keyring as it has to be acted on: what was ever revoked is revoked, whatever the database says now. */
  corrected(keyring: Keyring): Keyring {
    if (this.forgottenBy(keyring).length === 0) return keyring
    return { ...keyring, versions: keyring.versions.map((version) => this.#correctedVersion(version)) }
  }

  /** What was revoked and is accepted in this keyring again. */
  forgottenBy(keyring: Keyring): Forgotten[] {
    return keyring.versions.filter(isAccepted).flatMap(({ id, state }) => {
      const known = this.#revoked.get(id)
      return known ? [{ ...known, wasActive: state === 'active' }] : []
    })
  }

  #correctedVersion(version: Version): Version {
    const known = this.#revoked.get(version.id)
    if (!known || !isAccepted(version)) return version
    const { sealedPrivate: _never, ...kept } = version
    return { ...kept, state: 'revoked', reason: known.reason, revokedAt: known.revokedAt }
  }
}

function revokedIn(keyring: Keyring): Revoked[] {
  return keyring.versions
    .filter(({ state }) => state === 'revoked')
    .map(({ id, reason = '', incident, revokedAt = 0 }) => ({
      keyring: keyring.name,
      id,
      reason,
      ...(incident === undefined ? {} : { incident }),
      revokedAt,
    }))
}

async function within(ms: number, writing: Promise<void>, path: string): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(journalFailed(path, 'is not written in time')), ms)
  try {
    await Promise.race([writing, late.promise])
  } finally {
    clearTimeout(timer)
    // When it was too late, nobody waits for it any more.
    writing.catch(() => undefined)
  }
}
