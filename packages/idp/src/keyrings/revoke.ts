/**
 * Revoking a signing key at once, without stranding a token that was signed a moment ago.
 *
 * When the key is the active one, its successor is activated first, and the revocation waits until every live instance
 * signs with that (a lease at most) and, briefly, until the verifiers know it. They normally do: a standby version is
 * always published.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  activate,
  activeVersion,
  changeKeyring,
  type Evidence,
  type Keyring,
  noSuccessor,
  revoke,
  standbyVersion,
  type Version,
  versionOf,
} from '@rekey/keyring'
import type { Instance } from '../instance.ts'

/** How long verifiers may hold up an emergency: those that do not know the successor by then wait for it afterwards. */
const verifierPatienceMs = 2_000
const recheckMs = 20

/**
 * @returns the keyring once the revocation is committed and every live instance has applied it
 * @throws KeyringError `UNKNOWN_KEYRING`, `UNKNOWN_VERSION`, `NO_SUCCESSOR`, `ILLEGAL_TRANSITION`
 */
export async function revokeVersion(
  instance: Instance,
  name: string,
  id: string,
  cause: { reason: string; incident?: string },
  actor: string,
): Promise<Keyring> {
  const promoted = await promoteSuccessor(instance, name, id, actor)
  const successor = promoted && activeVersion(promoted)
  if (successor) await known(instance, promoted, successor)
  const revoked = await changeKeyring(instance.store, name, (keyring, now) => revoke(keyring, id, cause, now), {
    action: 'keyring.revoked',
    actor,
    details: { version: id, ...cause },
  })
  await instance.view.everywhere(revoked.revision)
  return revoked
}

/** @returns the keyring in which a successor is active and `id` retiring; `undefined` when `id` signs nothing anyway */
async function promoteSuccessor(
  instance: Instance,
  name: string,
  id: string,
  actor: string,
): Promise<Keyring | undefined> {
  const promoted = await changeKeyring(
    instance.store,
    name,
    (keyring, now) => {
      if (versionOf(keyring, id).state !== 'active') return keyring
      const successor = standbyVersion(keyring)
      if (!successor) throw noSuccessor(keyring, id)
      return activate(keyring, successor.id, now)
    },
    { action: 'keyring.activated', actor, details: { replaces: id, because: 'revocation' } },
  )
  if (versionOf(promoted, id).state !== 'retiring') return undefined
  await instance.view.everywhere(promoted.revision)
  return promoted
}

async function known(instance: Instance, keyring: Keyring, successor: Version): Promise<void> {
  const until = instance.clock() + verifierPatienceMs
  while (instance.clock() < until && lacking(await instance.hands.observe(keyring), successor)) await delay(recheckMs)
}

function lacking(evidence: Evidence, successor: Version): boolean {
  return evidence.verifiers.some((verifier) => verifier.holds < successor.since)
}
