import { falseRemedy, type Plan, plan } from '@rekey/breakglass'
import type { App } from '@rekey/service'
import { z } from 'zod'
import { IdpError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import { codes } from '../../openapi/errors.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { openIncident } from '../open.ts'
import { findIncident } from '../record.ts'
import { inspectPlan } from '../remedies/inspect.ts'
import { shownIncident, shownInspection } from '../schema.ts'
import { runBy } from './run.ts'
import { all, requireIncidents, tags } from './scope.ts'

/** What is asked for, with what does not contain a compromised key: whoever asks for that alone is told why. */
const wanted = plan.partial({ kid: true }).extend({
  jtis: z.array(z.string().max(512)).max(1_000).optional().describe('Contains no compromised key: refused'),
  issuedBefore: z.string().max(100).optional().describe('Contains no compromised key: refused'),
  dryRun: z.boolean().default(false).describe('Look, and change nothing'),
  run: z.boolean().default(true).describe('Have it carried out by the instance that is asked'),
})
type Wanted = z.infer<typeof wanted>

const open = {
  tags,
  summary: 'Open an incident about a compromised signing key',
  body: wanted,
  response: {
    200: z.union([shownIncident, shownInspection]).describe('It is there already; or what a rehearsal found'),
    201: shownIncident,
    202: shownIncident.describe('It is being carried out'),
  },
  refuses: codes(
    'UNKNOWN_KID',
    'INCIDENT_DIFFERS',
    'FALSE_REMEDY',
    'SELF_LOCK',
    'PLAN_INVALID',
    'ROOT_KEY_NOT_REPLACED',
    'API_NOT_CONFIGURED',
    'EVIDENCE_KEY_MISSING',
  ),
}

export function openRoute(app: App, instance: Instance): void {
  app.post(all, { onRequest: requireIncidents(instance), schema: open }, async (request, reply) => {
    const { caller, body } = request
    const asked = planOf(body)
    if (body.dryRun) return inspectPlan(instance, asked, caller)
    const wanted = await meant(instance, asked, caller, body.run)
    const { record, isNew } = await openIncident(instance, wanted, caller.clientId)
    if (body.run) return reply.code(202).send(runBy(instance, request, record))
    return reply.code(isNew ? 201 : 200).send(record)
  })
}

/**
 * What the incident is opened with. Of one that is there already it is too late to say what is in its way, and it is carried out
 * by the plan that it has: whoever says the same again may leave out what this instance put into it, or did not yet.
 *
 * @throws IdpError as `feasible`
 */
async function meant(instance: Instance, asked: Plan, caller: Caller, run: boolean): Promise<Plan> {
  const found = await findIncident(instance.connection.db, asked.incident)
  if (found) return instance.incidents.repeated(asked, found.plan)
  return run ? feasible(instance, asked, caller) : asked
}

/**
 * As this instance can carry it out.
 *
 * @throws IdpError `SELF_LOCK`, `PLAN_INVALID`, `ROOT_KEY_NOT_REPLACED`, `API_NOT_CONFIGURED`, `EVIDENCE_KEY_MISSING`
 */
async function feasible(instance: Instance, asked: Plan, caller: Caller): Promise<Plan> {
  const wanted = instance.incidents.planned(asked)
  const [obstacle] = (await inspectPlan(instance, wanted, caller)).obstacles
  if (obstacle) throw new IdpError(obstacle.code, obstacle.message)
  return wanted
}

/** @throws BreakGlassError `FALSE_REMEDY`; IdpError `INVALID_REQUEST` */
function planOf({ dryRun: _dryRun, run: _run, jtis, issuedBefore, kid, ...rest }: Wanted): Plan {
  const wrong = falseRemedy({ kid, jtis, issuedBefore, sessions: rest.sessions })
  if (wrong) throw wrong
  if (kid === undefined) throw new IdpError('INVALID_REQUEST', 'kid is missing: which key is compromised?')
  if (jtis === undefined && issuedBefore === undefined) return { ...rest, kid }
  throw new IdpError('INVALID_REQUEST', 'beside a kid, say by `sessions` what else is to end')
}
