import { readFile } from 'node:fs/promises'
import { VerifyError } from '../../error.ts'
import { writeWhole } from '../../files/replace.ts'
import type { Revision } from '../source.ts'
import { isRevision } from './message.ts'

/** What must survive a restart: how far the issuer's history was seen, and what was revoked in it. */
export interface RememberedTrust {
  readonly revision: Revision
  readonly revokedKids: readonly string[]
}

const failed = (detail: string, cause?: unknown): VerifyError => new VerifyError('state_file_failed', { detail, cause })

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function parse(text: string, issuer: string): RememberedTrust {
  const value = JSON.parse(text) as { issuer?: unknown; epoch?: unknown; n?: unknown; revokedKids?: unknown } | null
  const kids = value?.revokedKids
  if (!value || !isRevision(value) || !Array.isArray(kids) || !kids.every((kid) => typeof kid === 'string')) {
    throw failed('it is not a state file')
  }
  if (value.issuer !== issuer) throw failed('it belongs to another issuer')
  return { revision: { epoch: value.epoch, n: value.n }, revokedKids: kids }
}

/** A small file, one per process, replaced as a whole and readable by its owner alone. */
export class StateFile {
  readonly #path: string
  readonly #issuer: string
  #lastWrite: Promise<void> = Promise.resolve()

  constructor(path: string, issuer: string) {
    this.#path = path
    this.#issuer = issuer
  }

  /** Null when there is none yet. A file that cannot be understood is refused: what it forgot might be a revocation. */
  async load(): Promise<RememberedTrust | null> {
    try {
      return parse(await readFile(this.#path, 'utf8'), this.#issuer)
    } catch (cause) {
      if (isMissing(cause)) return null
      throw cause instanceof VerifyError ? cause : failed('it cannot be read', cause)
    }
  }

  /** Resolves when the file is durable. Writes happen in the order in which they were asked for. */
  save({ revision, revokedKids }: RememberedTrust): Promise<void> {
    const text = `${JSON.stringify({ issuer: this.#issuer, ...revision, revokedKids }, null, 2)}\n`
    const write = this.#lastWrite.then(() => writeWhole(this.#path, text))
    // The caller of this write hears of its failure; the next write starts afresh either way.
    this.#lastWrite = write.catch(() => {})
    return write.catch((cause) => Promise.reject(failed('it cannot be written', cause)))
  }
}
