import { RegistrationError } from '../error.ts'
import { type Jwk, thumbprintOf } from '../keys/jwk.ts'
import type { RedirectMode, RotationOptions } from '../options/client-options.ts'
import { DAY_MS } from './due.ts'
import { stampOf } from './kid.ts'
import { planRedirects } from './redirects.ts'

/** What the plan is made of; nothing else counts. */
export interface Situation {
  /** The key set as it is registered. */
  readonly keys: readonly Jwk[]
  readonly redirectUris: readonly string[]
  /** The key that is going to sign: public, with its kid. */
  readonly signing: Jwk
  /** The thumbprint of the key in the PEM until then: running processes still sign with it. */
  readonly current: string | undefined
  /** Kids that this key folder used, oldest first. Every other kid is a sibling's. */
  readonly own: readonly string[]
  readonly options: RotationOptions & { readonly redirectUris: readonly string[]; readonly redirectMode: RedirectMode }
  readonly now: number
}

export interface Plan {
  /** The whole new set, when it changes. */
  readonly keys: readonly Jwk[] | undefined
  readonly redirectUris: readonly string[] | undefined
  /** Why, one sentence a change. */
  readonly reasons: readonly string[]
}

/**
 * What to change of a registration, or nothing. Keys go only where one is added: those whose kid tells that they are older than
 * `retireAfterDays`, then, for the cap, those of this folder that were replaced, oldest first.
 * @throws RegistrationError TOO_MANY_KEYS when all that are left may be in use by somebody.
 */
export function planChange(situation: Situation): Plan {
  const { redirectMode, redirectUris } = situation.options
  const { keys, reasons } = planKeys(situation)
  const redirects = planRedirects(redirectMode, redirectUris, situation.redirectUris)
  return {
    keys,
    redirectUris: redirects,
    reasons: redirects === undefined ? reasons : [...reasons, `redirect URIs by mode ${redirectMode}`],
  }
}

function planKeys(situation: Situation): { keys: readonly Jwk[] | undefined; reasons: string[] } {
  const { keys, signing } = situation
  const thumbprint = thumbprintOf(signing)
  if (keys.some((key) => thumbprintOf(key) === thumbprint)) return { keys: undefined, reasons: [] }
  const old = keys.filter((key) => isOld(situation, key))
  const kept = keys.filter((key) => !old.includes(key))
  const evicted = evictions(situation, kept)
  return {
    keys: [...kept.filter((key) => !evicted.includes(key)), signing],
    reasons: [
      `adds ${signing.kid}`,
      ...old.map(({ kid }) => `retires ${kid}, older than ${situation.options.retireAfterDays} days`),
      ...evicted.map(
        ({ kid }) => `drops ${kid}, replaced here earlier, for the cap of ${situation.options.maxKeys} keys`,
      ),
    ],
  }
}

const isCurrent = ({ current }: Situation, key: Jwk): boolean => current !== undefined && thumbprintOf(key) === current

function isOld(situation: Situation, key: Jwk): boolean {
  const { retireAfterDays } = situation.options
  const stamp = stampOf(key.kid ?? '')
  if (retireAfterDays <= 0 || stamp === undefined || isCurrent(situation, key)) return false
  return situation.now - stamp >= retireAfterDays * DAY_MS
}

function evictions(situation: Situation, kept: readonly Jwk[]): readonly Jwk[] {
  const { maxKeys } = situation.options
  const excess = maxKeys <= 0 ? 0 : kept.length + 1 - maxKeys
  if (excess <= 0) return []
  const rank = (key: Jwk) => situation.own.lastIndexOf(key.kid ?? '')
  const candidates = kept.filter((key) => rank(key) >= 0 && !isCurrent(situation, key))
  if (candidates.length < excess) throw tooMany(situation, kept.length)
  return candidates.toSorted((one, other) => rank(one) - rank(other)).slice(0, excess)
}

function tooMany({ options }: Situation, there: number): RegistrationError {
  return new RegistrationError(
    'TOO_MANY_KEYS',
    `The client has ${there} keys that somebody may still sign with, and BFF_JWK_MAX_KEYS is ${options.maxKeys}: none was removed, none added. ` +
      'Let the replicas share one key folder, or raise BFF_JWK_MAX_KEYS (two more than the number of folders is enough), ' +
      'or take keys that nobody uses out of the registration.',
  )
}
