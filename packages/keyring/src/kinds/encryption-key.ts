import { createHash, randomBytes } from 'node:crypto'
import type { Evidence } from '../decide/evidence.ts'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { Material, Version } from '../lifecycle/version.ts'
import { backupsKeptOf, escrowOf, escrowOfRevoked } from '../policy/encryption.ts'
import { servedEverywhere } from './counted.ts'
import type { Gate, InstanceKind } from './kind.ts'

/**
 * A key that columns are encrypted by. What it made does not run out: rows stay until somebody writes them anew.
 *
 * Propagated: every live instance holds it. Who reads the rows is who writes them.
 * Drained: no row is encrypted by it any more. That is counted, and the count says something only when nobody can add one:
 * from the demotion on the database refuses values by it, and transactions that began before that must have ended. Then
 * either the backups that still have such rows are old enough to be thrown away, or the key goes into escrow.
 *
 * A revocation does not make rows unreadable either. The leaked key is replaced at once and nothing is written by it again,
 * but it is revoked when no row hangs on it: to refuse it earlier would take the owner's data away and nothing from the
 * thief, who has the key. For the sake of backups it goes into escrow then.
 */
export const encryptionKey: InstanceKind = {
  name: 'encryption-key',
  holder: 'instances',
  standby: true,
  acceptsByPrivate: true,
  propagated: servedEverywhere,
  drained,
  released: (_keyring, version, evidence) => noRows(version, evidence),
  mayBeSupplied: true,
  escrowMs: (policy, end) => (end === 'revoked' ? escrowOfRevoked(policy) : escrowOf(policy)),
}

function drained(keyring: Keyring, version: Version, evidence: Evidence, now: number): Gate {
  const empty = noRows(version, evidence)
  if (!empty.open || escrowOf(keyring.policy) > 0) return empty
  const opensAt = (version.emptiedAt ?? now) + backupsKeptOf(keyring.policy)
  if (version.emptiedAt !== undefined && now >= opensAt) return { open: true }
  return { open: false, for: [`backups that have rows encrypted by ${version.id}`], opensAt, isEmptied: true }
}

function noRows({ id }: Version, { held }: Evidence): Gate {
  if (!held) return { open: false, for: ['the rows to be counted'], opensAt: null }
  const { count, isUnsettled = false } = held.get(id) ?? { count: 0 }
  if (count > 0) return { open: false, for: [`${count} encrypted ${count === 1 ? 'value' : 'values'}`], opensAt: null }
  if (isUnsettled) return { open: false, for: [`transactions that began before ${id} was demoted`], opensAt: null }
  return { open: true }
}

/** AES-256. */
const keyBytes = 32

/** The id of an encryption key follows from it and says nothing about it. So a key that is given is known again. */
export function encryptionKeyId(keyring: string, key: Uint8Array): string {
  return `${keyring}-${createHash('sha256').update('rekey encryption key id').update(key).digest('hex').slice(0, 12)}`
}

/**
 * Makes an encryption key: 256 random bits, as base64url in the private part of its version. The key is those bits.
 *
 * @param random where the bytes come from
 */
export async function makeEncryptionKey(
  { name }: Pick<Keyring, 'name'>,
  random: (bytes: number) => Buffer = randomBytes,
): Promise<Material> {
  const key = random(keyBytes)
  return { id: encryptionKeyId(name, key), publicPart: {}, sealedPrivate: key.toString('base64url') }
}
