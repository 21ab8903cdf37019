/**
 * What is done about a compromised signing key, whoever does it and wherever: the steps, in their order. Each is written
 * down before it begins and when it has ended (`run.ts`), by the one runner that holds the incident's claim (`claim.ts`).
 */
import type { Plan } from '../incident/plan.ts'
import type { IncidentRecord } from '../incident/record.ts'
import { asked, claim, claimAfterOthers, whileClaimed } from './claim.ts'
import { isBreakGlass } from './errors.ts'
import { Run } from './run.ts'
import { listChanges } from './steps/changes.ts'
import { sealEvidence } from './steps/evidence.ts'
import { freezeAdministration } from './steps/freeze.ts'
import { guard, mayBegin } from './steps/guard.ts'
import { proveEveryInstance, refreshEveryInstance } from './steps/instances.ts'
import { promoteSuccessor, revokeKey } from './steps/keys.ts'
import { takeProbes } from './steps/probes.ts'
import { endSessions } from './steps/sessions.ts'
import { awaitVerifiers } from './steps/verifiers.ts'
import type { Outcome, Surroundings } from './surroundings.ts'

async function carryOut(run: Run): Promise<Outcome> {
  await run.distrustWhatIsDone()
  await guard(run)
  await freezeAdministration(run)
  await takeProbes(run)
  await promoteSuccessor(run)
  await revokeKey(run)
  await endSessions(run)
  await awaitVerifiers(run)
  await refreshEveryInstance(run)
  await proveEveryInstance(run)
  await listChanges(run)
  return sealEvidence(run)
}

async function lookAgain(run: Run): Promise<Outcome> {
  await awaitVerifiers(run)
  await proveEveryInstance(run)
  await listChanges(run)
  return sealEvidence(run)
}

/**
 * Shuts a compromised signing key out and proves it. Safe to repeat: an incident that is there is gone on with, one that
 * somebody else carries out is followed, and of one that is finished the evidence is sealed anew.
 *
 * @throws BreakGlassError `UNKNOWN_KID`, `SELF_LOCK`, `PLAN_INVALID` before anything is written or changed; `INCIDENT_DIFFERS`;
 *   `PROVIDER_UNREACHABLE`, `PROVIDER_REFUSED`, `COMMAND_FAILED` and `INTERRUPTED`, after which `resumeIncident` goes on
 */
export async function breakGlass(plan: Plan, s: Surroundings): Promise<Outcome> {
  await asked(() => open(plan, s), undefined, s)
  return resumeIncident(plan.incident, s)
}

async function open(plan: Plan, s: Surroundings): Promise<IncidentRecord> {
  if (!(await isThere(plan.incident, s))) await mayBegin(plan, s)
  return s.provider.journal.open(plan)
}

/** Goes on with an incident: with the first step that is not done. @throws BreakGlassError `UNKNOWN_INCIDENT`, and as `breakGlass` */
export async function resumeIncident(incident: string, s: Surroundings): Promise<Outcome> {
  for (;;) {
    const record = await claimAfterOthers(incident, s)
    try {
      return await whileClaimed(incident, s, (signal) => carryOut(new Run(record, s, signal)))
    } catch (error) {
      // Lost to somebody else, because this process was held up for long: that one is followed now.
      if (!isBreakGlass(error, 'INCIDENT_CLAIMED')) throw error
    }
  }
}

/**
 * Proves once more that a key is shut out, at any later time, and seals new evidence. Nothing else is done: of an incident that
 * is not finished it says so.
 *
 * @throws BreakGlassError `UNKNOWN_INCIDENT`, `INCIDENT_CLAIMED` while somebody carries it out, and as `breakGlass`
 */
export async function checkIncident(incident: string, s: Surroundings): Promise<Outcome> {
  const record = await claim(incident, s)
  return whileClaimed(incident, s, (signal) => lookAgain(new Run(record, s, signal, true)))
}

/** Whether an incident was begun already, however long ago. */
export async function isThere(incident: string, { provider }: Pick<Surroundings, 'provider'>): Promise<boolean> {
  try {
    await provider.journal.load(incident)
    return true
  } catch (error) {
    if (isBreakGlass(error, 'UNKNOWN_INCIDENT')) return false
    throw error
  }
}
