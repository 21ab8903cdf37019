/** Successors of a key that comes from a source which can be written. */
import { randomBytes } from 'node:crypto'
import type { ColumnKey } from '@rekey/database'
import {
  activeVersion,
  changeKeyring,
  discard,
  type Keyring,
  KeyringError,
  type KeyringStore,
  prepare,
  requestRotation,
} from '@rekey/keyring'
import { IdpError } from '../error.ts'
import { columnsKeyring } from './list.ts'
import { columnKeyOf, givenMaterial } from './material.ts'
import type { ColumnKeySource } from './source.ts'

export function isDue(document: Keyring, now: number): boolean {
  const { activatedAt } = activeVersion(document) ?? {}
  return !document.rotation && activatedAt !== undefined && now >= activatedAt + document.policy.rotateEveryMs
}

/** Any number of instances find it due: the first one to prepare a successor goes on. */
export async function rotateDue(store: KeyringStore, source: ColumnKeySource): Promise<void> {
  await writeSuccessor(store, source)
  const request = { by: 'schedule', forced: false }
  await changeKeyring(store, columnsKeyring, (keyring, now) => requestRotation(keyring, request, now), {
    action: 'keyring.rotation_requested',
    actor: 'rekey',
    details: { ...request },
  })
}

/**
 * It is prepared first, and written then: what is found in the source is known by that time, and taken for nobody else's. Where
 * writing fails it is given up. It is held when it stands there, and not before: what is held is encrypted by as soon as a
 * rotation is wanted, and what only a process has goes with it.
 */
export async function writeSuccessor(store: KeyringStore, from: ColumnKeySource): Promise<void> {
  const { source, variable } = from
  const key = columnKeyOf(randomBytes(32))
  const about = (action: string, by: string) => ({ action, actor: 'rekey', details: { version: key.id, variable: by } })
  if (!(await source.isWritable())) {
    const message = `keys of ${columnsKeyring} come from ${variable} (${source.description}): put a new one in front there`
    throw new IdpError('KEY_FROM_SOURCE', message, { facts: { variable } })
  }
  await changeKeyring(
    store,
    columnsKeyring,
    (keyring, now) => prepareOnly(keyring, key, now),
    about('keyring.prepared', variable),
  )
  try {
    await source.add(Buffer.from(key.key).toString('hex'))
  } catch (error) {
    const given = (keyring: Keyring, now: number) => discard(keyring, key.id, now)
    await changeKeyring(store, columnsKeyring, given, about('keyring.discarded', variable))
    throw error
  }
  from.hold(key)
}

/** One successor at a time: of two keys in the source one would come back when the other is in use. */
function prepareOnly(keyring: Keyring, key: ColumnKey, now: number): Keyring {
  if (keyring.rotation || keyring.versions.some(({ state }) => state === 'prepared')) {
    throw new KeyringError(
      'ROTATION_UNDER_WAY',
      `a successor of the active version of ${keyring.name} is prepared already`,
    )
  }
  return prepare(keyring, givenMaterial(key), now)
}
