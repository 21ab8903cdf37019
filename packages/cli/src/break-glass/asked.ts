import { type ApiTarget, falseRemedy, type Plan, plan, readTargets, type SessionSelector } from '@rekey/breakglass'
import { parseDuration } from '@rekey/keyring'
import { defined } from '../commands/words.ts'
import { CliError } from '../error.ts'
import { readGiven } from '../given-file.ts'

/** What a person asks for on the command line. */
export interface Asked {
  kid?: string
  incident?: string
  reason?: string
  revokeSub?: string[]
  revokeSession?: string[]
  revokeClient?: string[]
  revokeJti?: string[]
  /** ISO 8601, or `now`: what the identity provider calls so when it ends them. */
  revokeAllBefore?: string
  since?: string
  suspectStore?: boolean
  /** As `--api` takes them. */
  api?: string[]
  proveFor: string
}

/**
 * What would not help is refused before anything is looked for.
 *
 * @throws BreakGlassError `FALSE_REMEDY`; CliError `WRONG_USE` for what is missing
 */
export function requireSense(asked: Asked): void {
  refuseFalseRemedy(asked, sessionsOf(asked))
  requireAll(asked)
}

/**
 * The plan that was asked for.
 *
 * @param usual the APIs where none is named
 * @param folder the current one, for `@FILE`
 * @throws CliError `WRONG_USE` for what is malformed; BreakGlassError `PLAN_INVALID` for an `--api` that is
 */
export function planOf(asked: Asked, usual: readonly ApiTarget[], folder: string): Plan {
  const sessions = sessionsOf(asked)
  const apis = asked.api === undefined ? usual : asked.api.flatMap((spec) => targetsOf(spec, folder))
  const { kid, incident, reason, since, suspectStore } = asked
  const wanted = { ...defined({ kid, incident, reason, since, suspectStore }), sessions, apis }
  const parsed = plan.safeParse({ ...wanted, proveForMs: parseDuration(asked.proveFor) })
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new CliError('WRONG_USE', `this cannot be carried out: ${wrong.join('; ')}`)
}

function sessionsOf({ revokeSub, revokeSession, revokeClient, revokeAllBefore }: Asked): SessionSelector[] {
  const all = revokeAllBefore === 'now' ? { all: true as const } : { all: true as const, issuedBefore: revokeAllBefore }
  return [
    ...(revokeSub ?? []).map((sub) => ({ sub })),
    ...(revokeSession ?? []).map((sid) => ({ sid })),
    ...(revokeClient ?? []).map((clientId) => ({ clientId })),
    ...(revokeAllBefore === undefined ? [] : [all]),
  ]
}

function refuseFalseRemedy({ kid, revokeJti, revokeAllBefore }: Asked, sessions: SessionSelector[]): void {
  const asked = defined({ kid, jtis: revokeJti, issuedBefore: revokeAllBefore })
  const refused = falseRemedy({ ...asked, sessions })
  if (refused) throw refused
  if (revokeJti === undefined) return
  throw new CliError(
    'WRONG_USE',
    'leave --revoke-jti out: once the key is revoked every token by it is refused, whatever its jti. A single token by another ' +
      'key is denied by POST /api/v1/denied',
  )
}

function requireAll(asked: Asked): void {
  const missing = (['kid', 'incident', 'reason'] as const).filter((name) => !asked[name])
  if (missing.length === 0) return
  const words = missing.map((name) => `--${name}`).join(', ')
  throw new CliError('WRONG_USE', `${words} is missing: rekey break-glass --kid KID --incident INC-1 --reason "why"`)
}

/** What one `--api` names. @throws CliError `WRONG_USE`; BreakGlassError `PLAN_INVALID` */
export function targetsOf(spec: string, folder: string): ApiTarget[] {
  const text = spec.startsWith('@') ? readGiven(spec.slice(1), { folder }).toString() : spec
  return readTargets(text)
}
