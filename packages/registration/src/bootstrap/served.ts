import type { Jwk } from '../keys/jwk.ts'
import type { Management, Seen } from '../provider/management.ts'
import type { Plan } from '../rotation/plan.ts'
import type { Context } from './context.ts'
import { type Maintained, maintained, planned } from './planned.ts'
import { servedKeys, writtenKeys } from './publication.ts'
import { chooseSigning, kidIn, type Signing, settleKey } from './signing.ts'
import { unrotated } from './unrotated.ts'

const LOOKS = 10
const BETWEEN_LOOKS_MS = 500

/**
 * One round of a client that is registered by a `jwks_uri`: a new key is written into the file that the service serves, and signs only after
 * the served set shows it. Where the service is not up yet, the key waits beside the PEM for the next start or the next call.
 */
export async function servedRound(
  context: Context,
  management: Management,
  seen: Seen,
  uri: string,
): Promise<Maintained | undefined> {
  const served = await servedKeys(context, uri)
  const written = await writtenKeys(context)
  // A file that is there says what is to be: where it was emptied, somebody took the keys out.
  const stated = written ?? served
  const signing = await chooseSigning(context, stated, served ?? [])
  const known = stated ?? []
  try {
    return await publishedRound(context, management, seen, uri, known, signing)
  } catch (error) {
    return unrotated(context, management, seen, known, signing, error)
  }
}

async function publishedRound(
  context: Context,
  management: Management,
  seen: Seen,
  uri: string,
  known: readonly Jwk[],
  signing: Signing,
): Promise<Maintained | undefined> {
  const plan = await planned(context, known, seen, signing)
  const keys = plan.keys ?? known
  if (plan.keys !== undefined) await context.folder.publish({ keys })
  if (!(await redirected(context, management, seen, plan))) return undefined
  const usable = await afterPublication(context, signing, uri, keys)
  await settleKey(context, usable)
  const waits = usable.key.thumbprint !== signing.key.thumbprint
  return maintained(context, management, usable, waits ? { ...plan, keys: undefined } : plan, keys)
}

async function redirected(context: Context, management: Management, seen: Seen, plan: Plan): Promise<boolean> {
  if (plan.redirectUris === undefined) return true
  await context.assertHeld()
  return (await management.change(seen, { redirect_uris: plan.redirectUris })) !== undefined
}

/** The new key once it is served, otherwise the one that signed until now. */
async function afterPublication(
  context: Context,
  signing: Signing,
  uri: string,
  keys: readonly Jwk[],
): Promise<Signing> {
  const current = await context.folder.key()
  const kid = current && kidIn(keys, current)
  // Nothing could sign until now, or what did was taken out of the set: there is nobody to wait for.
  if (!signing.isNext || current === undefined || kid === undefined) return signing
  for (let look = 1; look <= LOOKS; look++) {
    if (kidIn((await servedKeys(context, uri)) ?? [], signing.key) !== undefined) return signing
    if (look < LOOKS) await context.ports.sleep(BETWEEN_LOOKS_MS)
  }
  context.ports.log(
    'warn',
    `The new key ${signing.kid} is not served at DCR_JWKS_URI yet: the old one goes on until a start that finds it there.`,
  )
  return { key: current, kid, isNext: false, promoted: false }
}
