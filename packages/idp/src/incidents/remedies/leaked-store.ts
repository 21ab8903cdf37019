/**
 * Where what is stored may have leaked together with the root key that it is sealed under, every private half that was ever
 * sealed under that root key is the thief's: the standby too, which would be promoted otherwise. So in every signing keyring
 * a key takes over that was made under a root key which he does not have, and all others are revoked.
 *
 * The order keeps tokens good for as long as that can be: the new keys are published, then signed by, and only then are the
 * others refused.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Plan, Promotion, Revocation } from '@rekey/breakglass'
import { rootIdOf } from '@rekey/database'
import {
  activeVersion,
  changeKeyring,
  isAccepted,
  type Keyring,
  type KeyringStore,
  prepare,
  unknownKeyring,
  type Version,
} from '@rekey/keyring'
import { iso, replaceVersion, revokeVersion } from '@rekey/service'
import { IdpError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import { sealAllAnew } from '../../root-keys/seal-anew.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { newestTrust } from '../../trust/leases.ts'
import { findIncident, incidentOf } from '../record.ts'
import { replaceColumnKeys } from './column-keys.ts'
import { keysNow, requireKey, showSuccessor, signingKeyringsIn } from './key.ts'
import { windowOf } from './promote.ts'
import { causeOf } from './revoke.ts'
import { forgetReplies } from './stored-replies.ts'

type By = Pick<Caller, 'clientId'>
type IsExposed = (version: Version) => boolean

/** Every instance looks at its root keys each second, and says each second what it holds. */
const patienceMs = 5_000
const recheckMs = 50

/**
 * Puts a key that was made under the new root key in the place of the one that signs, in every signing keyring. What was
 * prepared under an older root key is given up for good.
 *
 * @returns once every live instance signs by the new keys. `windowMs`: for how long verifiers on the feed may have refused
 *   fresh tokens; they are waited for, for up to 2 s, before the new key signs, so that it is 0 unless one of them lags
 * @throws IdpError `ROOT_KEY_NOT_REPLACED`, `UNKNOWN_KID`, `UNKNOWN_INCIDENT`
 */
export async function promoteFromNewRoot(instance: Instance, plan: Plan, caller: By): Promise<Promotion> {
  const { isExposed, openedAt } = await afterReplacement(instance, plan)
  await forgetReplies(instance.connection.db, instance.rootKeys.newest)
  const names = await signingNames(instance.store)
  await Promise.all(names.map((name) => takeOver(instance, name, isExposed, plan, caller)))
  await replaceColumnKeys(instance, plan, openedAt, caller)
  const successors = (await signingKeyringsIn(instance.store)).flatMap((keyring) => successorIn(keyring, openedAt))
  const windows = await Promise.all(successors.map(({ version }) => windowOf(instance, version)))
  return {
    successors: successors.map(({ everywhereAt, ...found }) => showSuccessor(found, everywhereAt)),
    windowMs: Math.max(0, ...windows),
    keys: await keysNow(instance.store),
  }
}

/**
 * Revokes every key that was sealed under an older root key, and seals anew what else has to be kept, so that the old root
 * key can be removed.
 *
 * @returns once every live instance has applied it
 * @throws IdpError `ROOT_KEY_NOT_REPLACED`, `UNKNOWN_KID`, `UNKNOWN_INCIDENT`
 */
export async function revokeOlder(instance: Instance, plan: Plan, caller: By): Promise<Revocation> {
  const { isExposed } = await afterReplacement(instance, plan)
  for (const name of await signingNames(instance.store)) {
    await takeOver(instance, name, isExposed, plan, caller)
    await revokeAll(instance, name, isExposed, plan, caller)
  }
  instance.loop.poke()
  await sealAllAnew(instance.connection.db, instance.sealer, instance.rootKeys.sealing)
  const revoked = (await signingKeyringsIn(instance.store)).flatMap(({ name, versions }) =>
    versions
      .filter(({ id, incident }) => incident === plan.incident || id === plan.kid)
      .flatMap(({ id, revokedAt }) => (revokedAt === undefined ? [] : [{ keyring: name, kid: id, revokedAt }])),
  )
  return {
    revoked: revoked.map((each) => ({ ...each, revokedAt: iso(each.revokedAt) })),
    revision: await newestTrust(instance.connection.db),
    keys: await keysNow(instance.store),
  }
}

/**
 * Waits until a root key is in force on every live instance that K was not sealed under, nor anything else that was there when
 * the incident was opened: it may have stood in the file beside the other when that was read.
 *
 * @returns how versions are told that were sealed under any older one
 */
async function afterReplacement(instance: Instance, plan: Plan): Promise<{ isExposed: IsExposed; openedAt: number }> {
  const { store, rootKeys, connection } = instance
  const openedAt = Date.parse((await incidentOf(connection.db, plan.incident)).openedAt)
  const before = await store.now()
  for (;;) {
    const { newest, sealing } = rootKeys
    const isExposed = exposedBy(newest, openedAt)
    const lacking = await lackingOf(store, plan, newest, openedAt)
    if (lacking === undefined && sealing === newest) return { isExposed, openedAt }
    if ((await store.now()) - before > patienceMs) throw await notReplaced(instance, lacking)
    await delay(recheckMs)
  }
}

/**
 * Accepted, and sealed under another root key than the newest one. Of a private half that is gone it cannot be told under which
 * it was sealed while it was there: any that was made before the incident.
 */
function exposedBy(newest: string, openedAt: number): IsExposed {
  return (version) => {
    if (!isAccepted(version)) return false
    const { sealedPrivate, preparedAt } = version
    return sealedPrivate === undefined ? preparedAt < openedAt : rootIdOf(sealedPrivate) !== newest
  }
}

/**
 * Where the private half of K is gone, others tell: if all there are were sealed under the newest root key, nothing says that
 * this is not the one that leaked. What this very incident revoked had been replaced before.
 */
async function wasReplaced(store: KeyringStore, { kid, incident }: Plan, newest: string): Promise<boolean> {
  const { version } = await requireKey(store, kid)
  if (version.sealedPrivate !== undefined) return rootIdOf(version.sealedPrivate) !== newest
  const versions = (await signingKeyringsIn(store)).flatMap((keyring) => keyring.versions)
  const isOlder = ({ sealedPrivate: sealed }: Version) => sealed !== undefined && rootIdOf(sealed) !== newest
  return versions.some((each) => isOlder(each) || (each.state === 'revoked' && each.incident === incident))
}

/** What speaks against the newest root key, if anything does. */
async function lackingOf(
  store: KeyringStore,
  plan: Plan,
  newest: string,
  openedAt: number,
): Promise<string | undefined> {
  if (!(await wasReplaced(store, plan, newest))) {
    return 'the root key that this key was sealed under is still the newest one'
  }
  const versions = (await signingKeyringsIn(store)).flatMap((keyring) => keyring.versions)
  const wasThere = ({ sealedPrivate: sealed, preparedAt }: Version) =>
    sealed !== undefined && rootIdOf(sealed) === newest && preparedAt < openedAt
  if (!versions.some(wasThere)) return undefined
  return 'the newest root key had sealed keys before this incident was opened, so that it may have leaked with them'
}

/**
 * Why it would be of no use to begin, with nothing said of what instances hold yet: what takes over would be the thief's too.
 */
export async function lackBefore({ store, rootKeys, connection }: Instance, plan: Plan): Promise<string | undefined> {
  const begun = await findIncident(connection.db, plan.incident)
  const openedAt = begun ? Date.parse(begun.openedAt) : await store.now()
  const lacking = await lackingOf(store, plan, rootKeys.newest, openedAt)
  return lacking && withRemedy(lacking)
}

const withRemedy = (lacking: string) =>
  `${lacking}: put a new one in front of it, for every instance ("rekey root-key add"), and go on`

async function notReplaced({ rootKeys }: Instance, lacking: string | undefined): Promise<IdpError> {
  const rootKey = rootKeys.newest
  if (lacking !== undefined) {
    return new IdpError('ROOT_KEY_NOT_REPLACED', withRemedy(lacking), { facts: { rootKey } })
  }
  const instances = await rootKeys.lackedBy(rootKey)
  const message = 'not every live instance holds the new root key: give it to all of them, and go on'
  return new IdpError('ROOT_KEY_NOT_REPLACED', message, { facts: { rootKey, instances } })
}

/** A key under the new root key signs; those under older ones that never did are refused from now on. */
async function takeOver(instance: Instance, name: string, isExposed: IsExposed, plan: Plan, by: By): Promise<void> {
  await ensureStandby(instance, name, isExposed, plan)
  const cause = causeOf(plan)
  for (const { id, state } of await exposedIn(instance.store, name, isExposed)) {
    if (state === 'prepared') await revokeVersion(instance, name, id, cause, by.clientId)
  }
  // Whatever else went on: it is over when nothing exposed signs.
  for (;;) {
    const [active] = (await exposedIn(instance.store, name, isExposed)).filter(({ state }) => state === 'active')
    if (!active) return
    await replaceVersion(instance, { name, id: active.id, cause, actor: by.clientId })
  }
}

async function revokeAll(instance: Instance, name: string, isExposed: IsExposed, plan: Plan, by: By): Promise<void> {
  for (const { id } of await exposedIn(instance.store, name, isExposed)) {
    await revokeVersion(instance, name, id, causeOf(plan), by.clientId)
  }
}

/** Published before the exposed ones are given up: the sooner verifiers hear of it, the fewer tokens wait for that. */
async function ensureStandby(
  { store, hands }: Instance,
  name: string,
  isExposed: IsExposed,
  { incident }: Plan,
): Promise<void> {
  const keyring = await loaded(store, name)
  const active = activeVersion(keyring)
  const isGood = (version: Version) => version.state === 'prepared' && !version.revocation && !isExposed(version)
  if (!active || !isExposed(active) || keyring.versions.some(isGood)) return
  const material = await hands.make(keyring)
  await changeKeyring(store, name, (current, now) => prepare(current, material, now), {
    action: 'keyring.prepared',
    actor: 'rekey',
    details: { version: material.id, incident },
  })
}

async function exposedIn(store: KeyringStore, name: string, isExposed: IsExposed): Promise<Version[]> {
  return (await loaded(store, name)).versions.filter(isExposed)
}

/** The version that took over since the incident was opened, and when the last instance had left the one before. */
function successorIn(keyring: Keyring, openedAt: number) {
  const version = activeVersion(keyring)
  const { activatedAt } = version ?? {}
  if (!version || activatedAt === undefined || activatedAt < openedAt) return []
  const former = keyring.versions.find(({ retiringAt }) => retiringAt === activatedAt)
  return [{ keyring, version, everywhereAt: former?.demotedAt ?? former?.revokedAt ?? activatedAt }]
}

async function loaded(store: KeyringStore, name: string): Promise<Keyring> {
  const keyring = await store.load(name)
  if (!keyring) throw unknownKeyring(name)
  return keyring
}

const signingNames = async (store: KeyringStore) => (await signingKeyringsIn(store)).map(({ name }) => name)
