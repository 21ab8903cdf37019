import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ensureEvidenceKey,
  type IncidentRecord,
  instanceTools,
  loadEvidenceKey,
  makeEvidenceKey,
  type Outcome,
  readEvidenceKey,
  refreshTokenOf,
  type StepName,
  type Surroundings,
  stepNames,
} from '@rekey/breakglass'
import { monotonicClock } from '../clock.ts'
import { evidenceKeyFile } from '../estate/evidence-key.ts'
import { homeOf } from '../estate/home.ts'
import type { Shell } from '../shell.ts'
import { software } from '../software.ts'
import { type Milestone, type Progress, withProgress } from '../terminal/progress.ts'
import { told } from './errors.ts'
import { evidenceFiles } from './evidence-file.ts'
import { milestonesAhead, milestonesOf, type View, viewFrom, whileAway } from './milestones.ts'
import { type Concerned, concerned } from './provider.ts'
import { runnerName } from './runner.ts'
import { oldTokenOf } from './secrets.ts'

/** What commands that carry an incident out can be told. */
export interface RunOptions {
  out?: string
  oldTokenFile?: string
  idpCommands?: string
  /** As `--api` takes them. */
  api?: string[]
}

/** The steps that are shown, and whether all of them are taken again. */
export interface Shown {
  steps: readonly StepName[]
  anew: boolean
}

export const wholeIncident: Shown = { steps: stepNames, anew: false }

/**
 * Carries an incident out, or a part of it, with its progress on the screen. Whatever a later step needs of this machine is
 * looked at before the first one: credential, evidence key, room for the evidence.
 *
 * @throws CliError
 */
export async function carryOut(
  shell: Shell,
  { asJson, shown, ...options }: RunOptions & { asJson: boolean; shown: Shown },
  act: (surroundings: Surroundings, concerned: Concerned) => Promise<Outcome>,
): Promise<Outcome> {
  let incident: string | undefined
  const seen = (record: IncidentRecord) => {
    incident = record.plan.incident
  }
  const run = async () => {
    const about = await concerned(shell, options.idpCommands)
    const surroundings = surroundingsOf(shell, about, options, evidenceOf(shell, options.out))
    return await withProgress(shell, asJson, (progress) =>
      act({ ...surroundings, ...showing(progress, surroundings.runner, shown, seen) }, about),
    )
  }
  return await told(run, { ...options, resumed: () => incident })
}

/** Everything that the procedure needs of this machine. */
export function surroundingsOf(
  shell: Shell,
  { provider }: Concerned,
  { oldTokenFile }: RunOptions,
  evidence: Surroundings['evidence'],
): Surroundings {
  const refreshToken = refreshTokenOf(shell.env)
  const oldToken = oldTokenFile === undefined ? undefined : oldTokenOf(oldTokenFile, shell.folder)
  const pause = async (ms: number, signal?: AbortSignal) => await delay(ms, undefined, signal && { signal })
  return {
    provider,
    instances: instanceTools({ clock: shell.now, monotonic: monotonicClock, pause }),
    evidence,
    runner: runnerName(shell.env),
    clock: shell.now,
    monotonic: monotonicClock,
    pause,
    signal: shell.interruption(),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(oldToken === undefined ? {} : { oldToken }),
    onChange: () => undefined,
    software,
  }
}

function evidenceOf(shell: Shell, out: string | undefined): Surroundings['evidence'] {
  const home = homeOf(shell.env, shell.folder)
  const keep = evidenceFiles(home, out, shell.folder, shell.now)
  return { key: ensureEvidenceKey(evidenceKeyFile(shell.env, home)), keep }
}

/** For somebody who only looks: no key is made where there is none, and nothing is kept. */
export function noEvidence(shell: Shell): Surroundings['evidence'] {
  const path = evidenceKeyFile(shell.env, homeOf(shell.env, shell.folder))
  return {
    key: existsSync(path) ? loadEvidenceKey(path) : readEvidenceKey(makeEvidenceKey().pem),
    keep: () => Promise.reject(new Error('nothing is kept by whoever only looks')),
  }
}

function showing(progress: Progress, runner: string, { steps, anew }: Shown, seen: (record: IncidentRecord) => void) {
  let view: View | undefined
  let path: Milestone[] = milestonesAhead(steps)
  return {
    onChange(record: IncidentRecord) {
      view ??= viewFrom(record, steps, anew, runner)
      seen(record)
      path = milestonesOf(record, view)
      progress.show(path)
    },
    onAway(away: string | undefined) {
      progress.show(whileAway(path, away))
    },
  }
}
