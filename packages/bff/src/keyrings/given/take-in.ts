import {
  acceptFormer,
  activate,
  activeVersion,
  discard,
  type Keyring,
  type Material,
  prepare,
  requestRotation,
} from '@rekey/keyring'
import { isGivenId } from './id.ts'

/** A secret that was given, as the version that it is or is to become. */
export interface Incoming {
  id: string
  /** Was it revoked? A restored backup may not know it any more, and it must not come back by it. */
  isRevoked(): boolean
  /** Seals it. */
  material(): Material
}

/** What is given for a keyring, the newest first. */
export type IncomingList = readonly [Incoming, ...Incoming[]]

/** A keyring that was not there: its newest version is in use at once, and older ones are accepted until they have drained. */
export function firstOf(empty: Keyring, [head, ...older]: IncomingList, now: number): Keyring {
  const active = activate(prepare(empty, head.material(), now), head.id, now)
  return older.filter(isGood).reduce((keyring, former) => acceptFormer(keyring, former.material(), now), active)
}

/**
 * Takes in what is given and not known yet.
 *
 * The newest becomes the successor, and is used when every live instance serves it. One that is known is never brought back:
 * a replica that was given an older list, as during a rolling deployment, changes nothing. Nor does it retire anything by
 * leaving the list. Looked at again and again: what must wait for something else is done then.
 *
 * @param by the variable
 * @returns the same document when there is nothing to do, at the moment or at all
 */
export function takeIn(keyring: Keyring, [head, ...older]: IncomingList, by: string, now: number): Keyring {
  const unknown = older.filter(isGood).filter(({ id }) => !keyring.versions.some((version) => version.id === id))
  const accepting = unknown.reduce((taken, former) => acceptFormer(taken, former.material(), now), keyring)
  return withSuccessor(accepting, head, by, now)
}

/** Was the newest that is given in use before, and is not any more? Then another one took over, or it was given up. */
export function hasPassed({ versions }: Keyring, [head]: IncomingList): boolean {
  const known = versions.find(({ id }) => id === head.id)
  if (known === undefined) return head.isRevoked()
  return known.state !== 'active' && (known.state !== 'prepared' || known.revocation !== undefined)
}

function withSuccessor(keyring: Keyring, head: Incoming, by: string, now: number): Keyring {
  const known = keyring.versions.find(({ id }) => id === head.id)
  const isDone = known?.state === 'active' || hasPassed(keyring, [head])
  // Whatever is to be revoked is replaced by what every instance has already, and that is in reserve.
  if (isDone || activeVersion(keyring)?.revocation) return keyring
  const cleared = withoutReserve(keyring, now)
  const ready = known ? cleared : prepare(cleared, head.material(), now)
  // Another one that was given may be about to take over: this one comes after it.
  return ready.rotation ? ready : requestRotation(ready, { by, forced: false, reason: 'another secret was given' }, now)
}

const isGood = ({ isRevoked }: Incoming) => !isRevoked()

/** What is in reserve, made by us, must not take over in the place of what was given. Another one is made afterwards. */
function withoutReserve(keyring: Keyring, now: number): Keyring {
  return keyring.versions
    .filter(({ id, state, revocation }) => state === 'prepared' && !revocation && !isGivenId(id))
    .reduce((left, { id }) => discard(left, id, now), keyring)
}
