import { isDeepStrictEqual } from 'node:util'
import type { Policy } from '@rekey/keyring'
import {
  adoptPolicy,
  type Change,
  checkPolicy,
  ensureKeyring,
  type Hands,
  type Keyring,
  newKeyring,
  prepare,
} from '@rekey/keyring'
import { type OwnName, ownKeyrings } from '../own.ts'
import { firstOf, type IncomingList, takeIn } from './take-in.ts'

/** What a keyring is to be made of. */
export interface GivenKeyring {
  name: OwnName
  policy: Policy
  incoming: IncomingList
  /** The variable that they are given in. */
  variable: string
}

/**
 * Makes sure that a keyring exists and has taken in what is given. Any number of instances may do this at once, with different
 * lists: they end with one document.
 *
 * @throws KeyringError `POLICY_INVALID`
 */
export async function ensureGiven(hands: Pick<Hands, 'store' | 'make'>, wanted: GivenKeyring): Promise<Keyring> {
  const { name, policy, incoming, variable } = wanted
  checkPolicy(policy)
  for (;;) {
    const existing = (await hands.store.load(name)) ?? (await withoutGiven(hands, wanted))
    const now = await hands.store.now()
    const next = existing ? takeIn(adoptPolicy(existing, policy), incoming, variable, now) : await first(hands, wanted)
    if (existing && isDeepStrictEqual(next, existing)) return existing
    const saved = await hands.store.save(existing, next, changeFrom(existing, next, variable))
    if (saved) return saved
  }
}

/** The newest was revoked, and the database is another one: nothing that was given before it takes its place. */
async function withoutGiven(
  hands: Pick<Hands, 'store' | 'make'>,
  { name, policy, incoming: [head] }: GivenKeyring,
): Promise<Keyring | undefined> {
  return head.isRevoked() ? ensureKeyring(hands, { name, ...ownKeyrings[name], policy }) : undefined
}

async function first({ store, make }: Pick<Hands, 'store' | 'make'>, wanted: GivenKeyring): Promise<Keyring> {
  const { name, policy, incoming } = wanted
  const { kind, algorithm } = ownKeyrings[name]
  const empty = newKeyring(name, kind, algorithm, policy)
  // In reserve for an emergency: nobody must first have to give another one before a stolen one can be revoked.
  const standby = await make(empty)
  const now = await store.now()
  return prepare(firstOf(empty, incoming, now), standby, now)
}

function changeFrom(before: Keyring | undefined, after: Keyring, variable: string): Change {
  const given = after.versions.flatMap(({ id }) => (before?.versions.some((known) => known.id === id) ? [] : [id]))
  const rotation = after.rotation !== undefined && before?.rotation !== after.rotation
  const details = { variable, versions: given, rotation, policy: after.policy }
  if (!before) return { action: 'keyring.created', actor: 'rekey', details }
  const isPolicyAlone = given.length === 0 && !rotation
  return { action: isPolicyAlone ? 'keyring.policy_changed' : 'keyring.given', actor: 'rekey', details }
}
