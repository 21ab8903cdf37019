import { redactText } from '@rekey/redact'
import { BreakGlassError, type BreakGlassErrorCode } from '../error.ts'

export function isBreakGlass(error: unknown, ...codes: BreakGlassErrorCode[]): error is BreakGlassError {
  return error instanceof BreakGlassError && codes.includes(error.code)
}

/** Whoever has one of these cannot go on with the next step either. */
export function stopsTheRun(error: unknown): boolean {
  return isBreakGlass(error, 'INTERRUPTED', 'INCIDENT_CLAIMED', 'PROVIDER_UNREACHABLE')
}

/** Journals take no more, for a message or for a name. */
export const mostCharacters = 1_000

/** What is written down about an error. A message that is not ours may repeat what it was about: no token gets through. */
export function noteOf(error: unknown): { code: string; message: string } {
  if (error instanceof BreakGlassError) return { code: error.code, message: error.message.slice(0, mostCharacters) }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : 'something that is no error was thrown'
  return { code: 'UNEXPECTED', message: redactText(text).slice(0, mostCharacters) }
}

/** @param incident undefined where it is not known whether there is one by now */
export function goOn(incident: string | undefined): string {
  if (incident === undefined) return 'nothing is known to have begun: the same may be asked for again'
  return `what was done is kept: "rekey break-glass resume ${incident}" goes on`
}
