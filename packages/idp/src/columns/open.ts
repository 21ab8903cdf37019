/** The keys of encrypted columns on one instance: from where they come, and what is sealed by them. */
import { setTimeout as delay } from 'node:timers/promises'
import { type ColumnCipher, columnCipher, type Sealer } from '@rekey/database'
import { activeVersion, type Hands, type KeyringStore, type Version } from '@rekey/keyring'
import { every } from '@rekey/service'
import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import type { ColumnSettings } from '../config/columns.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import { destroyOver } from './destroy.ts'
import { ensureColumns } from './ensure.ts'
import { type HeldColumnKeys, heldColumnKeys } from './held.ts'
import type { LegacyReading } from './legacy.ts'
import { columnsKeyring } from './list.ts'
import { madeMaterial, sealedKey } from './material.ts'
import { columnPolicy } from './policy.ts'
import { requireReadable, requireSource } from './require.ts'
import type { ColumnKeySource } from './source.ts'
import { isDue, rotateDue, writeSuccessor } from './successor.ts'
import { requireFit, takeIn } from './take-in.ts'

const lookEveryMs = 1_000
const recheckMs = 10
/** For 5 s: an instance that hangs is waited for no longer than that. */
const mostTries = 500
/** Who holds what is asked for where that may matter, and only there. */
const noneElsewhere: ReadonlySet<string> = new Set()

/** What an instance does about the keys of encrypted columns. */
export interface ColumnKeyring {
  readonly cipher: ColumnCipher
  readonly held: HeldColumnKeys
  readonly source: ColumnKeySource | undefined
  /** Why what the source gives is not gone by, while that is so. */
  readonly trouble: string | undefined
  readonly troubledSince: number | undefined
  /** Makes a key for a keyring whose keys are made here. */
  make: Hands['make']
  /**
   * Makes sure that the keyring is there and has what the source gives.
   *
   * @throws IdpError `COLUMN_KEY_WRONG`; KeyringError `POLICY_INVALID`; SecretsError
   */
  ensure(): Promise<void>
  /**
   * Makes a successor and writes it into the source; nothing where the keys are made here.
   *
   * @throws IdpError `KEY_FROM_SOURCE` where the source cannot be written; KeyringError `ROTATION_UNDER_WAY`; SecretsError
   */
  writeSuccessor(): Promise<void>
  /**
   * Seals the key of a version that came from a source, for escrow.
   *
   * @throws IdpError `COLUMN_KEY_WRONG` where it is not held here
   */
  sealGiven(version: Version): Promise<string>
  /**
   * Resolves when there is a key to seal by, or it is not to be expected soon.
   *
   * @throws IdpError `COLUMN_KEY_WRONG` where values hang on a key that is not held
   */
  ready(): Promise<void>
  /** Takes in what the source gives, from now on. @returns ends it */
  watch(mayAct: () => boolean): () => Promise<void>
}

type Parts = {
  settings: ColumnSettings
  db: IdpDatabase
  store: KeyringStore
  sealer: Sealer
  /** Finds out under which root key is sealed. */
  settle: () => Promise<void>
  source: ColumnKeySource | undefined
  legacy: LegacyReading
  log: Logger
}

export function openColumns({ settings, db, store, sealer, settle, source, legacy, log }: Parts): ColumnKeyring {
  const held = heldColumnKeys(sealer, (id) => source?.find(id))
  const policy = columnPolicy(settings)
  let trouble: { what: string; since: number } | undefined

  const make: Hands['make'] = async (keyring) => {
    if (source && activeVersion(keyring)?.isGiven)
      throw new IdpError('KEY_FROM_SOURCE', `keys of ${columnsKeyring} come from ${source.variable}`)
    await settle()
    return madeMaterial(sealer)
  }

  const ensure = async () => {
    await requireSource(store, source)
    await ensureColumns(db, { store, make }, policy, source)
  }

  /** A source that is wrong changes nothing: what was read before is still gone by. */
  async function look(from: ColumnKeySource): Promise<void> {
    const keys = await from.read()
    const document = held.document()
    if (document) requireFit(document, keys, from.variable)
    from.accept(keys)
    trouble = undefined
  }

  /** Each second would be too often for a source that stays wrong. */
  const troubled = (tell: (error: unknown) => void) => (error: unknown) => {
    const what = (error as Error).message
    if (trouble?.what !== what) tell(error)
    trouble = { what, since: trouble?.since ?? systemClock() }
  }

  /** Most looks ask the database nothing. */
  async function takeInNews(): Promise<void> {
    const document = held.document()
    if (!document) return ensure()
    const keys = source?.accepted
    if (!source || !keys) return
    const now = await store.now()
    if (takeIn(document, keys, source.variable, noneElsewhere, now) !== document) await ensure()
    else await destroyOver(db, document, source)
    if (isDue(document, now) && (await source.source.isWritable())) await rotateDue(store, source)
  }

  return {
    cipher: orPlain(
      columnCipher(held, () => legacy.forms(held.document())),
      held,
    ),
    held,
    source,
    get trouble() {
      return trouble?.what
    },
    get troubledSince() {
      return trouble?.since
    },
    make,
    ensure,
    async sealGiven({ id }) {
      const key = source?.find(id)
      if (!key)
        throw new IdpError('COLUMN_KEY_WRONG', `the source has no key ${id} any more: it cannot be put into escrow`)
      await settle()
      return sealedKey(sealer, { id, key })
    },
    async ready() {
      // The loop finds out within a beat that every instance holds it.
      await requireReadable(db, held)
      for (let tries = mostTries; tries > 0 && held.document() && !held.sealing; tries -= 1) await delay(recheckMs)
    },
    writeSuccessor: async () => source && writeSuccessor(store, source),
    watch(mayAct) {
      const failed = (what: string) => (error: unknown) => log.error({ err: error }, what)
      const away = failed('the source of column keys is wrong or away: what was read before stays in force')
      const ends = [
        every(
          lookEveryMs,
          async () => (mayAct() ? takeInNews() : undefined),
          failed('the keys of encrypted columns could not be taken in'),
        ),
        every(
          lookEveryMs,
          async () => (mayAct() ? legacy.look() : undefined),
          failed('which older forms of values are closed could not be read'),
        ),
      ]
      if (source) ends.push(every(Math.max(lookEveryMs, source.source.restMs), () => look(source), troubled(away)))
      return async () => {
        await Promise.all(ends.map((end) => end()))
      }
    },
  }
}

/**
 * While no instance has begun the keyring, because one is live that would not understand it, nothing is encrypted yet. Once it
 * has begun, somebody who has no key to seal by waits rather than writes what he should have encrypted.
 */
function orPlain(cipher: ColumnCipher, held: HeldColumnKeys): ColumnCipher {
  return {
    get sealingId() {
      return cipher.sealingId
    },
    open: cipher.open,
    seal(column, rowId, text) {
      if (!held.document()) return text
      if (cipher.sealingId !== undefined) return cipher.seal(column, rowId, text)
      throw new IdpError('NO_LEASE', 'not every instance holds the key by which columns are encrypted yet; try again')
    },
  }
}
