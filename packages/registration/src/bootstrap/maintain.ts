import { RegistrationError } from '../error.ts'
import type { Credentials } from '../files/credentials.ts'
import { keysOf } from '../keys/jwk.ts'
import { keysIn, type Management, managementOf, type Seen } from '../provider/management.ts'
import type { Plan } from '../rotation/plan.ts'
import type { Context } from './context.ts'
import { type Maintained, maintained, planned } from './planned.ts'
import { pointed } from './pointed.ts'
import { renewed } from './renewal.ts'
import { servedRound } from './served.ts'
import { chooseSigning, type Signing, settleKey } from './signing.ts'
import { warnOfUnlike } from './unlike.ts'
import { unmanaged } from './unmanaged.ts'
import { unrotated } from './unrotated.ts'

const MOST_ROUNDS = 5

/** Reads the registration and changes what has to be changed: usually nothing. */
export async function maintain(context: Context, stored: Credentials): Promise<Maintained> {
  const isManaged = stored.registration_access_token !== undefined || context.options.adminToken !== undefined
  if (!isManaged) return unmanaged(context, stored)
  const management = managementOf(context, stored)
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const done = await oneRound(context, management, round)
    if (done !== undefined) return done
  }
  throw new RegistrationError(
    'IDP_REFUSED',
    `Others changed this registration ${MOST_ROUNDS} times while it was to be changed here. Nothing was lost; start again.`,
  )
}

async function oneRound(context: Context, management: Management, round: number): Promise<Maintained | undefined> {
  const seen = await management.read()
  if (round === 1) warnOfUnlike(context, management.credentials(), seen)
  const { uri, changed } = await pointed(context, management, seen)
  if (changed) return undefined
  const done =
    uri === undefined ? await inline(context, management, seen) : await servedRound(context, management, seen, uri)
  return done && renewed(context, management, seen, done)
}

async function inline(context: Context, management: Management, seen: Seen): Promise<Maintained | undefined> {
  const signing = await chooseSigning(context, keysOf(seen.metadata.jwks))
  try {
    return await inlineRound(context, management, seen, signing)
  } catch (error) {
    return unrotated(context, management, seen, keysIn(seen), signing, error)
  }
}

async function inlineRound(
  context: Context,
  management: Management,
  seen: Seen,
  signing: Signing,
): Promise<Maintained | undefined> {
  const plan = await planned(context, keysIn(seen), seen, signing)
  if (!(await applied(context, management, seen, plan))) return undefined
  await settleKey(context, signing)
  return maintained(context, management, signing, plan, plan.keys ?? keysIn(seen))
}

/** @returns false when somebody else changed the registration meanwhile. */
async function applied(context: Context, management: Management, seen: Seen, plan: Plan): Promise<boolean> {
  if (plan.keys === undefined && plan.redirectUris === undefined) return true
  await context.assertHeld()
  const after = await management.change(seen, {
    ...(plan.keys === undefined ? {} : { jwks: { keys: plan.keys }, ...withoutUri(seen) }),
    ...(plan.redirectUris === undefined ? {} : { redirect_uris: plan.redirectUris }),
  })
  if (after === undefined || seen.etag !== undefined || plan.keys === undefined) return after !== undefined
  // Without an ETag another replica's PUT of what it read before may have overwritten this one.
  const wanted = plan.keys.at(-1)?.kid
  return keysIn(await management.read()).some(({ kid }) => kid === wanted)
}

// A registration has one of the two; a server that merges would keep both.
const withoutUri = ({ metadata }: Seen) => (metadata.jwks_uri === undefined ? {} : { jwks_uri: null })
