import { refusalResponse, replyResponse } from '../http/fetch/answer.ts'
import { internalRequest, presentedRequest } from '../http/fetch/request.ts'
import { type Authenticator, requestGuard } from '../http/guard.ts'
import { type Controlled, type InternalOptions, internalEndpoints } from '../http/internal/endpoints.ts'
import type { GuardOptions } from '../http/options.ts'
import type { VerifiedToken } from '../jwt/verify.ts'

/** A request that may go on. `headers` belong into the answer; mostly there are none. */
export interface Passed {
  readonly token: VerifiedToken
  readonly headers: Readonly<Record<string, string>>
  readonly refusal?: undefined
}

/** A request that may not, with the answer to it. */
export interface Stopped {
  readonly refusal: Response
  readonly token?: undefined
  readonly headers?: undefined
}

/**
 * A guard for handlers of the Fetch API: `const { token, refusal } = await guard(request)`, then
 * `if (refusal) return refusal`. `certificate` is the client's, in DER, where the server knows it.
 */
export function fetchGuard(verifier: Authenticator, options: GuardOptions = {}) {
  const admit = requestGuard(verifier, options)
  return async (request: Request, certificate?: Uint8Array): Promise<Passed | Stopped> => {
    const verdict = await admit(presentedRequest(request, options.baseUrl, () => certificate))
    return verdict.token === undefined ? { refusal: refusalResponse(request, verdict.refusal) } : verdict
  }
}

/**
 * The internal endpoints for handlers of the Fetch API: resolves to the answer, or to undefined for any other request.
 * Without a secret it always does.
 */
export function fetchInternal(control: Controlled, options: InternalOptions = {}) {
  const endpoints = internalEndpoints(control, options)
  async function serve(request: Request): Promise<Response | undefined> {
    const asked = internalRequest(request)
    return endpoints.paths.includes(asked.path) ? replyResponse(await endpoints.answer(asked)) : undefined
  }
  return Object.assign(serve, { close: endpoints.close })
}
