import { type Jwk, thumbprintOf } from '../keys/jwk.ts'
import { keysIn, type Management, type Seen } from '../provider/management.ts'
import type { Context } from './context.ts'
import { servedKeys, writtenKeys } from './publication.ts'
import { kidIn } from './signing.ts'

/**
 * Points the registration at DCR_JWKS_URI, once that serves the key which signs now and all others that the registration has, which siblings
 * may sign with: earlier, the identity provider would not find them there.
 * @returns the address by which the identity provider finds the keys, undefined for inline ones; `changed` asks for another look at it.
 */
export async function pointed(
  context: Context,
  management: Management,
  seen: Seen,
): Promise<{ uri?: string; changed: boolean }> {
  const wanted = context.options.jwksUri
  const registered = typeof seen.metadata.jwks_uri === 'string' ? seen.metadata.jwks_uri : undefined
  if (wanted !== undefined && wanted !== registered && (await mayPoint(context, seen, wanted))) {
    await context.assertHeld()
    await management.change(seen, { jwks_uri: wanted, jwks: null })
    return { changed: true }
  }
  return { changed: false, ...(wanted === undefined || registered === undefined ? {} : { uri: registered }) }
}

async function mayPoint(context: Context, seen: Seen, wanted: string): Promise<boolean> {
  const { folder, ports } = context
  const current = await folder.key()
  if (current === undefined) return false
  const removed = seen.metadata.jwks_uri === undefined ? await removedKeys(context, keysIn(seen)) : () => []
  const served = (await servedKeys(context, wanted)) ?? []
  if (kidIn(served, current) === undefined) {
    ports.log(
      'warn',
      'DCR_JWKS_URI does not serve this client’s key yet: the registration is pointed there by a start that finds it.',
    )
    return false
  }
  const foreign = removed(served)
  const unserved = notAmong(keysIn(seen), served)
  if (foreign.length === 0 && unserved.length === 0) return true
  const differences = [
    ...(foreign.length > 0 ? [`serves what is not in the registration (${kidsOf(foreign)})`] : []),
    ...(unserved.length > 0 ? [`lacks what is in the registration (${kidsOf(unserved)})`] : []),
  ]
  ports.log(
    'warn',
    `DCR_JWKS_URI ${differences.join(' and ')}: the registration keeps its own keys until a start that finds just those there.`,
  )
  return false
}

const kidsOf = (keys: readonly Jwk[]) => keys.map(({ kid }) => kid).join(', ')

function notAmong(keys: readonly Jwk[], others: readonly Jwk[]): readonly Jwk[] {
  const known = others.map(thumbprintOf)
  return keys.filter((key) => !known.includes(thumbprintOf(key)))
}

/**
 * Keys of a set that the inline registration does not have: an administrator took them out, perhaps because they are known to others. An
 * address that serves them would bring them back, so they leave the file first. A key that waits beside the PEM was never taken out.
 */
async function removedKeys(context: Context, registered: readonly Jwk[]) {
  const next = await context.folder.nextKey()
  const good = [...registered, ...(next === undefined ? [] : [next.jwk])]
  const removed = (set: readonly Jwk[]) => notAmong(set, good)
  const written = (await writtenKeys(context)) ?? []
  const gone = removed(written)
  if (gone.length > 0) {
    await context.assertHeld()
    await context.folder.publish({ keys: written.filter((key) => !gone.includes(key)) })
  }
  return removed
}
