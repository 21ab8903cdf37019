import type { PresentedRequest } from '../binding/request.ts'
import { VerifyError, type VerifyErrorCode } from '../error.ts'
import { bodyOf, spoken } from './body.ts'
import { challenge } from './challenge.ts'
import { correlationId } from './correlation.ts'
import { schemeOf } from './credentials.ts'
import { JSON_HEADERS } from './headers.ts'
import type { GuardRules } from './options.ts'

/** How a refused request is answered. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 503
  readonly headers: Readonly<Record<string, string>>
  /** To be written as JSON. */
  readonly body: unknown
}

const RETRY_AFTER_SECONDS = '1'

/** No fault of the token: it may be good, and be found good in a moment. */
const UNAVAILABLE: ReadonlySet<VerifyErrorCode> = new Set([
  'trust_unavailable',
  'feed_failed',
  'lease_refused',
  'revision_backwards',
  'jwks_failed',
  'jwks_empty',
  'secrets_failed',
  'deny_entry_invalid',
  'deny_file_failed',
  'state_file_failed',
  'proof_memory_full',
  'verifier_closed',
])

function statusOf(code: VerifyErrorCode): Refusal['status'] {
  if (UNAVAILABLE.has(code)) return 503
  if (code === 'credentials_ambiguous') return 400
  return code === 'scope_missing' || code === 'role_missing' ? 403 : 401
}

function headersFor(status: number, code: VerifyErrorCode, description: string, facts: Facts): Record<string, string> {
  if (status === 503) return { 'retry-after': RETRY_AFTER_SECONDS }
  const scheme = schemeOf(facts.request.header('authorization'))
  const { realm, scopes, asksForProofs, binding } = facts.rules
  const { proofAlgorithms } = binding
  const nonce = scheme === 'dpop' || code === 'proof_nonce_required' ? binding.nonce() : undefined
  return {
    'www-authenticate': challenge(code, description, { realm, scopes, asksForProofs, proofAlgorithms, scheme }),
    ...(nonce === undefined ? {} : { 'dpop-nonce': nonce }),
  }
}

interface Facts {
  readonly request: PresentedRequest
  readonly rules: GuardRules
}

/** What is wrong inside of us is no business of the caller's. */
const outward = (status: number, error: VerifyError): VerifyError =>
  status === 503 && error.code !== 'proof_memory_full' ? new VerifyError('trust_unavailable') : error

/** Maps a VerifyError to HTTP; anything else is a defect and is thrown on. */
export function refusalOf(error: unknown, request: PresentedRequest, rules: GuardRules): Refusal {
  if (!(error instanceof VerifyError)) throw error
  const status = statusOf(error.code)
  const { code: known, message: full } = outward(status, error)
  const { code, message } = spoken(rules.errorBody, status, known, full)
  const id = rules.errorBody === 'coarse' || typeof rules.errorBody === 'function' ? correlationId(request) : ''
  return {
    status,
    headers: {
      ...JSON_HEADERS,
      ...headersFor(status, error.code, message, { request, rules }),
      ...(id === '' ? {} : { 'x-correlation-id': id }),
    },
    body: bodyOf(rules.errorBody, { status, code, message, correlationId: id, error, request }),
  }
}
