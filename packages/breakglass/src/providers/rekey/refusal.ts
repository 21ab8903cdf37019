import { BreakGlassError, type BreakGlassErrorCode } from '../../error.ts'

/** What the API's codes are here. Any other stays a refusal. */
const codes: Readonly<Record<string, BreakGlassErrorCode>> = {
  INCIDENT_DIFFERS: 'INCIDENT_DIFFERS',
  INCIDENT_CLAIMED: 'INCIDENT_CLAIMED',
  UNKNOWN_INCIDENT: 'UNKNOWN_INCIDENT',
  UNKNOWN_KID: 'UNKNOWN_KID',
  FALSE_REMEDY: 'FALSE_REMEDY',
  SELF_LOCK: 'SELF_LOCK',
  PLAN_INVALID: 'PLAN_INVALID',
}

/** A refusal of the API as what it means to the procedure. */
export function meaningOf(error: unknown): unknown {
  const code = isRefusal(error) ? codes[String(error.facts.code)] : undefined
  if (code === undefined) return error
  const { facts, message } = error as BreakGlassError
  return new BreakGlassError(code, message, { ...facts, ...(facts.details as object | undefined) }, { cause: error })
}

export function isRefusal(error: unknown, code?: string): error is BreakGlassError {
  const refused = error instanceof BreakGlassError && error.code === 'PROVIDER_REFUSED'
  return refused && (code === undefined || error.facts.code === code)
}
