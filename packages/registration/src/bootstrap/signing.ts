import type { Jwk } from '../keys/jwk.ts'
import { thumbprintOf } from '../keys/jwk.ts'
import type { Key } from '../keys/key.ts'
import { dueForRotation } from '../rotation/due.ts'
import { baseOf, stampedKid } from '../rotation/kid.ts'
import type { Context } from './context.ts'

/** The key that is going to sign. */
export interface Signing {
  readonly key: Key
  readonly kid: string
  /** It still lies beside the PEM, which it replaces once it is published. */
  readonly isNext: boolean
  /** It took the PEM's place just now: an earlier start had published it. */
  readonly promoted: boolean
}

/**
 * Finishes what an earlier start began, and decides whether a new key is made. `registered` are the client's keys, undefined where nobody
 * can tell them now; `believed` are those of them by which the identity provider would accept an assertion.
 */
export async function chooseSigning(
  context: Context,
  registered: readonly Jwk[] | undefined,
  believed = registered ?? [],
): Promise<Signing> {
  const known = registered ?? []
  const { folder } = context
  const next = await folder.nextKey()
  const published = next && kidIn(believed, next)
  if (next !== undefined && published !== undefined) {
    await settleKey(context, { key: next, kid: published, isNext: true })
    return { key: next, kid: published, isNext: false, promoted: true }
  }
  const current = await folder.key()
  const reason = next === undefined ? await dueNow(context, current, registered) : undefined
  if (current !== undefined && next === undefined && reason === undefined) {
    return { key: current, kid: await kidFor(context, current, known, 'current'), isNext: false, promoted: false }
  }
  const said =
    next === undefined ? `A new key is made: ${reason}.` : 'The key that was made before is not registered yet.'
  context.ports.log('info', said)
  await context.assertHeld()
  const made = next ?? (await folder.makeNextKey())
  const kid = await kidFor(context, made, known, current === undefined ? 'first' : 'next')
  return { key: made, kid, isNext: true, promoted: false }
}

const ONCE =
  'BFF_JWK_ROTATE_AFTER_DAYS is 0, and the key was replaced less than ten minutes ago, here or by a sibling: not again. ' +
  'To replace it once more, delete the PEM and start again.'

async function dueNow(
  { options, ports, keyBefore, folder }: Context,
  current: Key | undefined,
  known: readonly Jwk[] | undefined,
): Promise<string | undefined> {
  const kid = current && kidIn(known ?? [], current)
  // Somebody removed it, perhaps because it is known to others, or the registration went with it: it must not come back.
  if (known !== undefined && kid === undefined && (await wasUsed(folder, current)))
    return 'the old one was taken out of the registration'
  // A key that no registration has had yet is published before it is replaced: running processes sign with it.
  if (current !== undefined && (known ?? []).length === 0) return undefined
  const held = current && {
    kid,
    madeAt: current.madeAt,
    replacedMeanwhile: current.thumbprint !== keyBefore,
  }
  const due = dueForRotation(held, options, ports.now())
  if (due === undefined && options.rotateAfterDays === 0) ports.log('info', ONCE)
  return due
}

async function wasUsed(folder: Context['folder'], key: Key | undefined): Promise<boolean> {
  return (await folder.used()).some(({ thumbprint }) => thumbprint === key?.thumbprint)
}

/** The kid by which a set holds the key. */
export function kidIn(set: readonly Jwk[], key: Key): string | undefined {
  return set.find((jwk) => thumbprintOf(jwk) === key.thumbprint)?.kid
}

/** A kid that means no other key: BFF_KID where it is free, then with the time. Identity providers refuse one that meant another key once. */
async function kidFor(
  { options, folder }: Context,
  key: Key,
  known: readonly Jwk[],
  place: 'current' | 'next' | 'first',
): Promise<string> {
  const registered = kidIn(known, key)
  if (registered !== undefined) return registered
  const used = await folder.used()
  const before = used.findLast(({ thumbprint }) => thumbprint === key.thumbprint)
  if (before !== undefined && !known.some(({ kid }) => kid === before.kid)) return before.kid
  // A later key of a client has the time in its kid, but for the first one of a PEM under a name that nobody had.
  const isLater = known.length > 0 && place !== 'current'
  const isFirst = place === 'first' && used.every(({ beside }) => beside !== undefined)
  const stored = isLater ? (await folder.credentials())?.kid : undefined
  const taken = [...known, ...used, { kid: stored }].flatMap(({ kid }) => kid ?? [])
  const isFree = !taken.some((kid) => kid === options.kid || (isLater && baseOf(kid) === options.kid))
  return isFree && (isFirst || !isLater) ? options.kid : stampedKid(options.kid, key.thumbprint, key.madeAt)
}

/** The published key is written down as used, and takes its place: in this order, or one that is taken out after a crash would come back. */
export async function settleKey(
  { folder, assertHeld }: Context,
  { key, kid, isNext }: Omit<Signing, 'promoted'>,
): Promise<void> {
  if (isNext) await assertHeld()
  await folder.saveUsed({ kid, thumbprint: key.thumbprint })
  if (isNext) await folder.promote()
}

export const publicJwk = ({ key, kid }: Pick<Signing, 'key' | 'kid'>): Jwk => ({ ...key.jwk, kid })
