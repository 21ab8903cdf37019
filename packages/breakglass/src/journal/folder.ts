/** Incidents in a folder of one machine, for identity providers that cannot keep them themselves. */
import { join } from 'node:path'
import { entriesOf, newestText, writeRevision } from '@rekey/keyring/revisions'
import type { Clock } from '../clock.ts'
import { BreakGlassError } from '../error.ts'
import { incidentId } from '../incident/plan.ts'
import { allSteps, type IncidentRecord } from '../incident/record.ts'
import type { Journal } from './journal.ts'
import * as transition from './transition.ts'

/** A journal whose provider cannot say by itself whether administration is frozen. */
export interface FolderJournal extends Journal {
  /** Writes down that administration is frozen since now; what is written stays. */
  froze(incident: string, by: string): Promise<IncidentRecord>
  unfroze(incident: string, by: string, reason?: string): Promise<IncidentRecord>
}

type Change = (incident: transition.StoredIncident, now: number) => transition.StoredIncident

/**
 * @param folder made when missing, readable by its owner only; each incident is a folder in it
 * @param operator who opens incidents here
 * @throws BreakGlassError `FILE_FAILED` where the folder cannot be read or written, or a file in it is damaged
 */
export function folderJournal(folder: string, { clock, operator }: { clock: Clock; operator: string }): FolderJournal {
  const shown = (incident: transition.StoredIncident): IncidentRecord => ({
    ...incident,
    now: new Date(clock()).toISOString(),
  })
  const load = async (incident: string) => shown((await read(folder, incident)).incident)
  const change = async (incident: string, how: Change) => shown(await changeStored(folder, incident, clock, how))
  return {
    load,
    open: async (plan) => {
      const first = transition.opened(plan, operator, clock())
      const won = await failing(() => writeRevision(join(folder, plan.incident), 1, JSON.stringify(first)))
      if (won) return shown(first)
      const { incident } = await read(folder, plan.incident)
      transition.samePlan(incident, plan)
      return shown(incident)
    },
    list: async () => {
      const all = (await incidentsIn(folder)).map(shown)
      return all.sort((one, other) => other.openedAt.localeCompare(one.openedAt))
    },
    claim: (incident, runner, seconds) =>
      change(incident, (stored, now) => transition.claimed(stored, runner, seconds, now)),
    release: async (incident, runner) => {
      await change(incident, (stored) => transition.released(stored, runner))
    },
    step: (incident, runner, name, what) =>
      change(incident, (stored, now) => transition.stepped(stored, runner, name, what, now)),
    froze: (incident, by) => change(incident, (stored, now) => transition.frozen(stored, by, now)),
    unfroze: (incident, by, reason) => change(incident, (stored, now) => transition.unfrozen(stored, by, reason, now)),
  }
}

async function changeStored(folder: string, name: string, clock: Clock, how: Change) {
  for (;;) {
    const { revision, incident } = await read(folder, name)
    const next = how(incident, clock())
    if (next === incident) return next
    if (await failing(() => writeRevision(join(folder, name), revision + 1, JSON.stringify(next)))) return next
  }
}

async function read(folder: string, name: string) {
  // A name may come from anywhere: one that climbs out of the folder names nothing here.
  const found = incidentId.safeParse(name).success ? await failing(() => newestText(join(folder, name))) : undefined
  if (found === undefined) {
    throw new BreakGlassError('UNKNOWN_INCIDENT', 'there is no incident of this name')
  }
  return { revision: found.revision, incident: parse(found.text, join(folder, name)) }
}

function parse(text: string, path: string): transition.StoredIncident {
  const damaged = (cause?: unknown) =>
    new BreakGlassError('FILE_FAILED', `${path} does not hold the incident that was written`, { path }, { cause })
  try {
    const incident: transition.StoredIncident | null = JSON.parse(text)
    if (incident?.plan?.incident !== undefined && Array.isArray(incident.steps)) {
      return { ...incident, steps: allSteps(incident.steps) }
    }
  } catch (cause) {
    throw damaged(cause)
  }
  throw damaged()
}

async function incidentsIn(folder: string): Promise<transition.StoredIncident[]> {
  const entries = await failing(() => entriesOf(folder))
  const names = entries.filter((entry) => entry.isDirectory() && incidentId.safeParse(entry.name).success)
  const found = await Promise.all(
    names.map(async ({ name }) => {
      const path = join(folder, name)
      const newest = await failing(() => newestText(path))
      // One whose first revision was not written yet is none.
      return newest === undefined ? [] : [parse(newest.text, path)]
    }),
  )
  return found.flat()
}

async function failing<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    const { path, code } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    throw new BreakGlassError('FILE_FAILED', `${path ?? 'the folder of incidents'}: ${code}`, { path }, { cause })
  }
}
