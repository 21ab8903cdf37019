import type { PresentedRequest } from '../binding/request.ts'
import { VerifyError } from '../error.ts'
import { rolesOf } from '../jwt/roles.ts'
import { scopesOf } from '../jwt/scopes.ts'
import type { VerifiedToken } from '../jwt/verify.ts'
import { credentialsOf } from './credentials.ts'
import { type GuardOptions, type GuardRules, guardRules } from './options.ts'
import { type Refusal, refusalOf } from './refusal.ts'

/** What a guard needs of a verifier. */
export interface Authenticator {
  authenticate(token: string): Promise<VerifiedToken>
}

/** A request that may go on, with what its answer should say besides: a fresh `dpop-nonce`, where nonces are in use. */
export interface Admitted {
  readonly token: VerifiedToken
  readonly headers: Readonly<Record<string, string>>
  readonly refusal?: undefined
}

/** A request that may not, with the answer to it. */
export interface Refused {
  readonly refusal: Refusal
  readonly token?: undefined
  readonly headers?: undefined
}

function checkPermissions({ payload }: VerifiedToken, { scopes, roles, client }: GuardRules): void {
  const granted = scopes.length > 0 ? scopesOf(payload) : undefined
  if (scopes.some((scope) => !granted?.has(scope))) throw new VerifyError('scope_missing')
  const held = roles.length > 0 ? rolesOf(payload, client) : undefined
  if (roles.some((role) => !held?.has(role))) throw new VerifyError('role_missing')
}

/**
 * The whole way of a request through a guard: its credentials, its token, who sent it, what it may do.
 * @throws {VerifyError} for the first of these that is wrong.
 */
async function authenticateRequest(
  verifier: Authenticator,
  request: PresentedRequest,
  rules: GuardRules,
): Promise<Admitted> {
  const { scheme, token: text } = credentialsOf(request.header('authorization'))
  const token = await verifier.authenticate(text)
  rules.binding.check(token, { scheme, token: text, request })
  checkPermissions(token, rules)
  const nonce = scheme === 'dpop' ? rules.binding.nonce() : undefined
  return { token, headers: nonce === undefined ? {} : { 'dpop-nonce': nonce } }
}

/**
 * A guard for whatever has requests and answers: what the guard of every framework is made of.
 * @throws {TypeError} for an option of the wrong shape, or that there is not, and without a verifier.
 */
export function requestGuard(verifier: Authenticator, options: GuardOptions = {}) {
  if (typeof verifier?.authenticate !== 'function') throw new TypeError('a guard needs a verifier')
  const rules = guardRules(options)
  return async (request: PresentedRequest): Promise<Admitted | Refused> => {
    try {
      return await authenticateRequest(verifier, request, rules)
    } catch (error) {
      return { refusal: refusalOf(error, request, rules) }
    }
  }
}
