import { decodeUnverified, type VerifierOptions } from '@rekey/verifier'
import type { Surroundings } from '../calls/surroundings.ts'
import type { Idp } from '../config/files/idp.ts'
import { BffError } from '../error.ts'
import { newAsking } from './asking.ts'
import { introspectingIssuer } from './introspection.ts'
import { type Issuer, isMeantFor } from './issuer.ts'
import { environmentIssuer, keyIssuer } from './keys.ts'
import { invalid, unavailable, type Verdict } from './verdict.ts'

/** Whose tokens are accepted at `auth: bearer`. */
export interface BearerSettings {
  readonly idps: readonly Idp[]
  /** The issuer that REKEY_JWT_* name, as of `environmentVerifier`. */
  readonly environment: VerifierOptions | undefined
}

/** Tells whether tokens are good. */
export interface Bearer {
  /**
   * @param source where it came from
   * @throws BffError `RATE_LIMITED`; ServiceError `OVERLOADED`: nobody is asked on behalf of that source at the moment
   */
  check(token: string, source: string): Promise<Verdict>
  close(): Promise<void>
}

/** RFC 6750 §2.1. */
const tokenForm = /^[A-Za-z0-9._~+/-]+=*$/
const longestToken = 65_536

/** @throws BffError `CONFIG_INVALID` when two issuers cannot be told apart, or a secret cannot be used */
export async function openBearer(settings: BearerSettings, around: Surroundings): Promise<Bearer> {
  requireDistinct(settings)
  const asking = newAsking(around.clock)
  const issuers = settings.idps.map((idp) =>
    idp.check.by === 'keys' ? keyIssuer(idp, idp.check, around) : introspectingIssuer(idp, idp.check, asking, around),
  )
  const close = async () => {
    await Promise.all(issuers.map((issuer) => issuer.close()))
  }
  try {
    if (settings.environment) issuers.push(await environmentIssuer(settings.environment, around))
  } catch (error) {
    await close()
    throw new BffError('CONFIG_INVALID', `REKEY_JWT_HS256_SECRET: ${(error as Error).message}`)
  }
  return {
    close,
    async check(token, source) {
      const jwt = decodeUnverified(token, longestToken)
      const verdict = await verdictAbout(token, source, jwt, issuers)
      around.metrics.tokenValidations.inc({ token_type: jwt ? 'jwt' : 'opaque', status: verdict.status })
      return verdict
    },
  }
}

function requireDistinct({ idps, environment }: BearerSettings): void {
  if (!environment) return
  const audiences = [environment.audience].flat()
  const clash = idps.find((idp) => {
    const isShared = audiences.includes(null) || audiences.some((name) => isMeantFor(name, idp.audiences))
    return [environment.issuer].flat().includes(idp.issuer) && isShared
  })
  if (clash) {
    throw new BffError(
      'CONFIG_INVALID',
      `REKEY_JWT_ISSUER and ${clash.name} in idps.yaml have the same issuer and audience: which one is meant?`,
    )
  }
}

/**
 * A JWT goes to the issuer that it names, and to no other: what anybody else thinks of it does not count. What is none says nothing
 * of itself, and those who can be asked are asked in their order.
 */
async function verdictAbout(
  token: string,
  source: string,
  jwt: ReturnType<typeof decodeUnverified>,
  issuers: readonly Issuer[],
): Promise<Verdict> {
  if (token.length > longestToken || !tokenForm.test(token)) return invalid
  if (jwt) {
    const { iss, aud } = jwt.payload
    const issuer = issuers.find((one) => one.issuer === iss && isMeantFor(aud, one.audiences))
    return issuer ? issuer.check(token, jwt, source) : invalid
  }
  let verdict = invalid
  for (const issuer of issuers.filter(({ takesOpaque }) => takesOpaque)) {
    const found = await issuer.check(token, undefined, source)
    if (found.status === 'valid') return found
    if (verdict.status !== 'unavailable') verdict = found
  }
  return verdict.status === 'unavailable' ? unavailable : verdict
}
