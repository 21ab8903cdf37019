import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isAccepted, type Keyring, type Version } from '@rekey/keyring'
import { z } from 'zod'
import { IdpError } from '../error.ts'

const entry = z.object({
  keyring: z.string(),
  id: z.string(),
  reason: z.string(),
  incident: z.string().optional(),
  revokedAt: z.number(),
})

/** A version that was revoked. */
export type Revoked = z.infer<typeof entry>

/**
 * What was revoked, remembered outside the database: a restored backup does not know of it, and must not bring a stolen key
 * back. An instance keeps it in memory, and where it is given a file, over its own end too: one JSON line a revocation, only
 * ever appended, and written before the instance confirms that it has applied the revocation. Instances on one machine may share it.
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
   * @throws IdpError `JOURNAL_FAILED` when it cannot be read or is damaged: what it lost might be a stolen key
   */
  static async open(path?: string): Promise<RevocationJournal> {
    return new RevocationJournal(path, path === undefined ? [] : await read(path))
  }

  /**
   * Takes in what keyrings say is revoked.
   *
   * @throws IdpError `JOURNAL_FAILED` when it could not be made durable: it is remembered in memory, and written at the next
   *   call
   */
  async remember(keyrings: readonly Keyring[]): Promise<void> {
    const news = keyrings.flatMap((keyring) => revokedIn(keyring).filter(({ id }) => !this.#revoked.has(id)))
    for (const known of news) this.#revoked.set(known.id, known)
    this.#unwritten = [...this.#unwritten, ...news]
    if (this.#path === undefined || this.#unwritten.length === 0) return
    await append(this.#path, this.#unwritten)
    this.#unwritten = []
  }

  /** The keyring as it has to be acted on: what was ever revoked is revoked, whatever the database says now. */
  corrected(keyring: Keyring): Keyring {
    if (this.forgottenBy(keyring).length === 0) return keyring
    return { ...keyring, versions: keyring.versions.map((version) => this.#correctedVersion(version)) }
  }

  /** What was revoked and is accepted in this keyring again. */
  forgottenBy(keyring: Keyring): Revoked[] {
    return keyring.versions.filter(isAccepted).flatMap(({ id }) => this.#revoked.get(id) ?? [])
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

async function read(path: string): Promise<Revoked[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return ''
    throw failed(path, 'cannot be read', cause)
  })
  // A line without its end was cut short by a crash: it was not durable, so nobody relied on it.
  const whole = text.split('\n').filter((line) => line.endsWith('}'))
  return whole.map((line) => parse(line, path))
}

function parse(line: string, path: string): Revoked {
  try {
    return entry.parse(JSON.parse(line))
  } catch (cause) {
    throw failed(path, 'is damaged: restore it, or remove it if nothing that it names matters any more', cause)
  }
}

async function append(path: string, news: readonly Revoked[]): Promise<void> {
  // A line break at both ends: what a crash cut short before does not spoil the line that follows.
  const text = news.map((known) => `\n${JSON.stringify(known)}\n`).join('')
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, 'a', 0o600)
    await file
      .appendFile(text)
      .then(() => file.sync())
      .finally(() => file.close())
  } catch (cause) {
    throw failed(path, 'cannot be written', cause)
  }
}

function failed(path: string, what: string, cause: unknown): IdpError {
  return new IdpError('JOURNAL_FAILED', `the revocation journal ${path} ${what}`, { cause })
}
