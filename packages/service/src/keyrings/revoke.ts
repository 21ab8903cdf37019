import { setTimeout as delay } from 'node:timers/promises'
import type { InstanceView } from '@rekey/database'
import {
  carryOut,
  changeKeyring,
  type Hands,
  type Keyring,
  KeyringError,
  type KeyringStore,
  requestRevocation,
  unknownKeyring,
  type Version,
  versionOf,
} from '@rekey/keyring'
import type { Forgotten } from './journal.ts'

const recheckMs = 20
/** For about two seconds a successor may be in the making. */
const mostTries = 100

/** A version that is to be refused, why, and who says so. */
export interface Unwanted {
  name: string
  id: string
  cause: { reason: string; incident?: string }
  actor: string
}

/** What an instance changes keyrings by. */
export interface Hand {
  store: KeyringStore
  hands: Hands
  view: Pick<InstanceView, 'everywhere'>
}
/** Until it is looked at again; by default the system's timers. */
type Pause = (ms: number) => Promise<unknown>

/**
 * Revokes a version without stranding what was made by it a moment ago: an active one is replaced first. The
 * request is written down before anything else, so whatever happens to this instance, any other one carries it out.
 *
 * @returns the keyring once the revocation is committed and every live instance has applied it
 * @throws KeyringError `UNKNOWN_KEYRING`, `UNKNOWN_VERSION`, `NO_SUCCESSOR`, `ILLEGAL_TRANSITION`
 */
export function revokeVersion(
  hand: Hand,
  name: string,
  id: string,
  cause: Unwanted['cause'],
  actor: string,
  pause: Pause = delay,
): Promise<Keyring> {
  return askAndFollow(hand, { name, id, cause, actor }, ({ state }) => state === 'revoked', pause)
}

/**
 * The first half of it, for whoever wants to know when the other key has taken over. The second half needs nobody to ask
 * for it: it may have taken place by the time this returns.
 *
 * @returns the keyring once another version is active and every live instance signs with it
 * @throws as `revokeVersion`
 */
export function replaceVersion(hand: Hand, unwanted: Unwanted): Promise<Keyring> {
  return askAndFollow(hand, unwanted, ({ state }) => state !== 'active', delay)
}

async function askAndFollow(
  { store, hands, view }: Hand,
  { name, id, cause, actor }: Unwanted,
  isDone: (version: Version) => boolean,
  pause: Pause,
): Promise<Keyring> {
  const isEnough = (keyring: Keyring) => isDone(versionOf(keyring, id))
  const request = { by: actor, ...cause }
  const ask = () =>
    changeKeyring(store, name, (keyring, now) => requestRevocation(keyring, id, request, now), {
      action: 'keyring.revocation_requested',
      actor,
      details: { version: id, ...cause },
    })
  await untilReplaceable(ask, () => carryOut(name, hands), pause)
  for (;;) {
    const keyring = (await carryOut(name, hands, isEnough))?.keyring
    if (!keyring) throw unknownKeyring(name)
    if (isEnough(keyring)) {
      await view.everywhere(keyring.revision)
      return keyring
    }
    // A backup may have been restored meanwhile that knows nothing of the request.
    if (!versionOf(keyring, id).revocation) await ask()
    await pause(recheckMs)
  }
}

/** The standby may have been taken a moment ago: another one is being made, and that is what is waited for. */
async function untilReplaceable(
  ask: () => Promise<unknown>,
  prepare: () => Promise<unknown>,
  pause: Pause,
): Promise<void> {
  for (let tries = mostTries; ; tries -= 1) {
    try {
      await ask()
      return
    } catch (error) {
      const replaceable = !(error instanceof KeyringError && error.code === 'NO_SUCCESSOR')
      if (replaceable || tries === 0) throw error
    }
    await prepare()
    await pause(recheckMs)
  }
}

/**
 * A backup was restored that is older than these revocations: they are asked for once more, in the database that forgot them.
 * Those that could take over from another one come first, or one stolen key would be replaced by the next.
 *
 * @throws AggregateError of what could not be asked for yet: `NO_SUCCESSOR` while none is prepared for one that is active
 */
export async function revokeForgotten(store: KeyringStore, forgotten: readonly Forgotten[]): Promise<void> {
  const failures: unknown[] = []
  for (const again of forgotten.toSorted((a, b) => Number(a.wasActive) - Number(b.wasActive))) {
    await revokeAgain(store, again).catch((error) => failures.push(error))
  }
  if (failures.length > 0)
    throw new AggregateError(failures, 'what a restored database forgot could not all be revoked')
}

async function revokeAgain(store: KeyringStore, { keyring, id, reason, incident }: Forgotten): Promise<void> {
  const request = { by: 'revocation journal', reason, ...(incident === undefined ? {} : { incident }) }
  await changeKeyring(store, keyring, (current, now) => requestRevocation(current, id, request, now), {
    action: 'keyring.revocation_requested',
    actor: 'rekey',
    details: { version: id, ...request },
  })
}
