import { acceptFormer, activate, activeVersion, discard, type Keyring, prepare, requestRotation } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import { givenMaterial, isKeyOf } from './material.ts'
import type { GivenKeys } from './source.ts'

/** A rotation that an operator asked for writes its key into the source a moment after it is prepared. */
const soonWrittenMs = 10_000

/** A keyring that was not there: the newest key is in use at once, and with the others what they sealed is read. */
export function firstOf(empty: Keyring, [newest, ...older]: GivenKeys, now: number): Keyring {
  const active = activate(prepare(empty, givenMaterial(newest), now), newest.id, now)
  return older.reduce((keyring, former) => acceptFormer(keyring, givenMaterial(former), now), active)
}

/**
 * Takes in what a source gives and is not known yet. The newest becomes the successor, and seals when every live instance holds
 * it; one that was known is never brought back. A key that leaves the source retires nothing by that.
 *
 * @param by the variable
 * @param elsewhere the ids of the keys that live instances hold
 * @returns the same document when there is nothing to do, at the moment or at all
 */
export function takeIn(
  keyring: Keyring,
  keys: GivenKeys,
  by: string,
  elsewhere: ReadonlySet<string>,
  now: number,
): Keyring {
  const [newest, ...older] = keys
  const unknown = older.filter(({ id }) => !knows(keyring, id))
  const accepting = unknown.reduce((taken, former) => acceptFormer(taken, givenMaterial(former), now), keyring)
  return withSuccessor(withoutLost(accepting, keys, elsewhere, now), newest, by, now)
}

function withSuccessor(keyring: Keyring, newest: GivenKeys[0], by: string, now: number): Keyring {
  const known = keyring.versions.find(({ id }) => id === newest.id)
  if (known && known.state !== 'prepared') return keyring
  // Whoever asked for the rotation has prepared it a moment ago, and asks for it himself.
  if (keyring.rotation || known?.revocation || (known && now - known.preparedAt < soonWrittenMs)) return keyring
  const cleared = withoutReserve(keyring, newest.id, now)
  const ready = known ? cleared : prepare(cleared, givenMaterial(newest), now)
  return requestRotation(ready, { by, forced: false, reason: 'the source has another key' }, now)
}

/** What is in reserve must not take over in the place of what was given. */
function withoutReserve(keyring: Keyring, but: string, now: number): Keyring {
  return keyring.versions
    .filter(({ id, state, revocation }) => state === 'prepared' && !revocation && id !== but)
    .reduce((left, { id }) => discard(left, id, now), keyring)
}

/**
 * A key that was prepared and never reached the source, or left it: nobody has it. Where one of us has, the others are waited for: a
 * source may reach one machine minutes after the other.
 */
function withoutLost(keyring: Keyring, keys: GivenKeys, elsewhere: ReadonlySet<string>, now: number): Keyring {
  return keyring.versions
    .filter(
      ({ id, state, isGiven, revocation, preparedAt }) =>
        state === 'prepared' &&
        isGiven &&
        !revocation &&
        now - preparedAt > soonWrittenMs &&
        !keys.some((key) => key.id === id) &&
        !elsewhere.has(id),
    )
    .reduce((left, { id }) => discard(left, id, now), keyring)
}

/**
 * A source without the key in use is that of another database, or a mistake.
 *
 * @throws IdpError `COLUMN_KEY_WRONG`
 */
export function requireFit(keyring: Keyring, keys: GivenKeys, variable: string): void {
  const active = activeVersion(keyring)
  // While the keys were made here, the source begins with one that nobody knows.
  if (!active?.isGiven) return
  const found = keys.find(({ id }) => id === active.id)
  if (found && isKeyOf(found, active)) return
  throw new IdpError(
    'COLUMN_KEY_WRONG',
    `${variable} has no key ${active.id}, by which the columns of this database are encrypted; it has ${keys
      .map(({ id }) => id)
      .join(', ')}: put a new key in front of the one in use, and leave that until it is retired`,
    { facts: { lacks: active.id } },
  )
}

const knows = ({ versions }: Keyring, id: string) => versions.some((version) => version.id === id)
