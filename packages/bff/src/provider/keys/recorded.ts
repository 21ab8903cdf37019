/**
 * Each key that this client begins to sign by is in the audit, once: whatever put it in its place, a rotation that was asked for, one that
 * was due, a command beside the replicas or the end of its waiting, and whichever of them sees so first.
 */
import { createHash, createPublicKey } from 'node:crypto'
import { type Connection, recordEventAs } from '@rekey/database'
import { every, transact } from '@rekey/service'
import type { Logger } from 'pino'
import type { Clock } from '../../clock.ts'
import type { BffTables } from '../../tables.ts'
import type { SigningKey } from '../credentials/keys.ts'
import { type ClientKeys, clientKeyringName } from './client-keys.ts'

const lookEveryMs = 1_000

interface Recording {
  readonly connection: Pick<Connection<BffTables>, 'db'>
  readonly clock: Clock
  readonly log: Logger
}

export function recorded(keys: ClientKeys, { connection, clock, log }: Recording): ClientKeys {
  let last: string | undefined

  async function look(): Promise<void> {
    const key = await keys.current()
    if (key === undefined || key.pem === last) return
    const { signing, before } = await keys.shown()
    // Replaced between the two looks, it is seen at the next one.
    if (signing?.kid !== key.kid) return
    const details = { keyring: clientKeyringName, version: key.kid, replaces: before }
    const event = { action: 'keyring.activated', outcome: 'success', actor: 'rekey', details } as const
    await transact(connection.db, (transaction) => recordEventAs(transaction, idOf(key), clock(), event))
    last = key.pem
  }

  const stop = every(lookEveryMs, look, (error) =>
    log.error({ err: error }, 'it cannot be written down which key this client signs by'),
  )
  return {
    ...keys,
    async rotate() {
      await look()
      await keys.rotate()
      await look()
    },
    async close() {
      await Promise.all([stop(), keys.close()])
    },
  }
}

/** A UUID (RFC 9562 §5.8) that is the same wherever the key is seen: a kid of `BFF_KID` may mean another one some day. */
function idOf({ pem }: SigningKey): string {
  const key = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  const hex = createHash('sha256').update('client key ').update(key).digest('hex')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5')
}
