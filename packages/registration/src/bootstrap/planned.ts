import type { RegistrationErrorCode } from '../error.ts'
import type { Credentials } from '../files/credentials.ts'
import type { UsedKey } from '../files/used.ts'
import { type Jwk, thumbprintOf } from '../keys/jwk.ts'
import { type Management, redirectUrisIn, type Seen } from '../provider/management.ts'
import { type Plan, planChange } from '../rotation/plan.ts'
import type { Context } from './context.ts'
import { publicJwk, type Signing } from './signing.ts'

/** What a start found or made of a registration that was there. */
export interface Maintained {
  readonly credentials: Credentials
  readonly signing: Signing
  readonly keys: readonly Jwk[]
  readonly outcome: 'registered' | 'unchanged' | 'rotated' | 'updated'
  readonly reasons: readonly string[]
  /** Why the rotation that was due failed; the key that is registered goes on. */
  readonly rotationFailed?: RegistrationErrorCode
}

/** The plan for these keys and the registration that was seen. */
export async function planned(context: Context, keys: readonly Jwk[], seen: Seen, signing: Signing): Promise<Plan> {
  const { options, folder, ports } = context
  const current = await folder.key()
  const own = ownKids(await folder.used(), keys)
  try {
    return planChange({
      keys,
      redirectUris: redirectUrisIn(seen),
      signing: publicJwk(signing),
      current: current?.thumbprint,
      own,
      options,
      now: ports.now(),
    })
  } catch (error) {
    // Left there, it would be tried again by every start, also by those at which no rotation is due.
    if (signing.isNext) await folder.dropNextKey()
    throw error
  }
}

/** Kids of keys that were this service's and that nobody holds in the folder any more, under another PEM's name either. */
function ownKids(used: readonly UsedKey[], keys: readonly Jwk[]): string[] {
  const held = used.filter(({ beside }) => beside === 'held').map(({ thumbprint }) => thumbprint)
  // A kid alone may be another client's, whose PEM lies in the same folder.
  const isRegistered = ({ kid, thumbprint }: UsedKey) =>
    keys.some((key) => key.kid === kid && thumbprintOf(key) === thumbprint)
  return used.filter((key) => !held.includes(key.thumbprint) && isRegistered(key)).map(({ kid }) => kid)
}

/** Everything is in its place: the kid is kept for people and programs that read the credentials, and the log says what happened. */
export async function maintained(
  { folder, ports }: Context,
  management: Management,
  signing: Signing,
  plan: Plan,
  keys: readonly Jwk[],
): Promise<Maintained> {
  if (management.credentials().kid !== signing.kid) await management.store({ kid: signing.kid })
  if (plan.redirectUris !== undefined) ports.log('info', 'The redirect URIs were updated.')
  const outcome = (await isFirst(folder, signing)) ? 'registered' : outcomeOf(signing, plan)
  if (outcome === 'rotated') ports.log('info', `JWKS rotated successfully: the key is now ${signing.kid}.`)
  const reasons = outcome === 'registered' ? ['registered', ...plan.reasons] : plan.reasons
  return { credentials: management.credentials(), signing, keys, outcome, reasons }
}

/** The key took its place only now, and a registration that a crash cut short was made with it. */
async function isFirst(folder: Context['folder'], { key, isNext, promoted }: Signing): Promise<boolean> {
  return (isNext || promoted) && (await folder.pending())?.thumbprint === key.thumbprint
}

function outcomeOf({ promoted }: Signing, plan: Plan): Maintained['outcome'] {
  if (promoted || plan.keys !== undefined) return 'rotated'
  return plan.redirectUris === undefined ? 'unchanged' : 'updated'
}
