import { hash } from 'node:crypto'
import { BreakGlassError } from '../../error.ts'
import type { Plan } from '../../incident/plan.ts'
import type { Inspection } from '../../providers/port.ts'
import { givenProbe } from '../old-token.ts'
import type { Run } from '../run.ts'
import type { Surroundings } from '../surroundings.ts'

/**
 * Looks whether the procedure may begin: somebody knows the key, and nothing hangs on it that a later step needs.
 *
 * @throws BreakGlassError `UNKNOWN_KID`, `SELF_LOCK`, `PLAN_INVALID`
 */
export async function mayBegin(plan: Plan, s: Surroundings): Promise<Inspection> {
  const inspection = await look(plan, s)
  const [first] = inspection.obstacles
  if (first === undefined) return inspection
  const message = inspection.obstacles.map((obstacle) => obstacle.message).join('; ')
  throw new BreakGlassError(first.code, message, { incident: plan.incident, obstacles: inspection.obstacles })
}

/** What is in the way is told, and nothing is refused but a key that nobody knows. */
export async function look(plan: Plan, s: Surroundings): Promise<Inspection> {
  const inspection = await s.provider.inspect(plan)
  if (!inspection.key) throw unknownKid(inspection)
  givenProbe(plan, s)
  return {
    ...inspection,
    obstacles: [...inspection.obstacles, ...evidenceKeyIsCompromised(inspection, s)],
    warnings: [...inspection.warnings, ...nobodyIsTold(plan, s)],
  }
}

export function guard(run: Run): Promise<void> {
  return run.step('guard', () => run.ask(() => mayBegin(run.plan, run.s)))
}

function unknownKid({ keys }: Inspection): BreakGlassError {
  const known = keys.map(({ kid }) => kid)
  const list = known.length > 0 ? `Known are: ${known.join(', ')}` : 'None is known'
  const message = `the identity provider knows no key of this id. ${list}. Nothing was changed`
  return new BreakGlassError('UNKNOWN_KID', message, { known })
}

/** Whoever holds the compromised key could write evidence about it. */
function evidenceKeyIsCompromised({ key }: Inspection, { evidence }: Surroundings): Inspection['obstacles'] {
  const jwk = { crv: 'Ed25519', kty: 'OKP', x: evidence.key.publicKey }
  // RFC 7638, section 3: the required members in lexicographic order, without white space.
  if (key?.thumbprint !== hash('sha256', JSON.stringify(jwk), 'base64url')) return []
  return [{ code: 'SELF_LOCK', message: 'the key that evidence is signed by is the compromised one: use another' }]
}

function nobodyIsTold({ apis }: Plan, { refreshToken }: Surroundings): string[] {
  if (apis.length === 0 || refreshToken !== undefined) return []
  return [
    'the secret of the internal endpoints is not known (INTERNAL_JWKS_REFRESH_TOKEN): instances that poll cannot be made to look, and are not told what is denied',
  ]
}
