import type { Probe, ProbeKind } from '../providers/port.ts'
import { brokenToken, meaningOf, reasonIn, refusalIn, tryToken } from './answers.ts'
import { unguarded } from './baseline.ts'
import { type Ask, Unanswered } from './client.ts'
import type { NoProbe } from './probe-source.ts'
import type { InstanceAddress } from './verdict.ts'

export const KINDS = ['compromised', 'fresh', 'denied'] as const satisfies ProbeKind[]

/** What was seen of one token. `right`: whether the instance does with it what it must; null where nothing can be said. */
export interface Seen {
  right: boolean | null
  status?: number
  reason?: string
  /** Why nothing can be said, as a sentence. */
  open?: string
  /** There was no token to try: there is none yet, or none will ever be. */
  untried?: 'yet' | 'ever'
  /** The instance gave no answer. */
  silent?: true
}

export type Round = Record<ProbeKind, Seen>

/** How one instance is tried. */
export interface Trial {
  instance: InstanceAddress
  ask: Ask
  /** The status with which it refuses, once it is known. */
  refusal: number | null
  /** The token of a kind, or why there is none. */
  token(kind: ProbeKind): Promise<Probe | NoProbe>
  /** Grows with each pass. */
  passes: number
  signal: AbortSignal | undefined
}

/**
 * One round: every kind of token is tried `passes` times, each on a connection of its own. The kinds take turns at being
 * first: where three processes are asked in turn, each would see the same kind for ever otherwise.
 */
export async function roundOf(trial: Trial, passes: number): Promise<Round> {
  const round: Partial<Round> = {}
  for (let pass = 0; pass < passes; pass++) {
    const first = trial.passes++ % KINDS.length
    for (const kind of [...KINDS.slice(first), ...KINDS.slice(0, first)]) {
      const seen = await seenOf(trial, kind)
      round[kind] = worse(round[kind], seen)
      // One that gives no answer would be waited for again with each further token.
      if (seen.silent) return silent(round, seen)
    }
  }
  return round as Round
}

function silent(round: Partial<Round>, seen: Seen): Round {
  const [compromised, fresh, denied] = KINDS.map((kind) => worse(round[kind], seen)) as [Seen, Seen, Seen]
  return { compromised, fresh, denied }
}

/** What is wrong outweighs what is not known, and that what is right. */
export function worse(a: Seen | undefined, b: Seen): Seen {
  if (a === undefined) return b
  const weight = ({ right }: Seen) => (right === false ? 2 : right === null ? 1 : 0)
  return weight(a) > weight(b) ? a : b
}

async function seenOf(trial: Trial, kind: ProbeKind): Promise<Seen> {
  const probe = await trial.token(kind)
  if ('unavailable' in probe) return { right: null, open: probe.unavailable, untried: probe.again ? 'yet' : 'ever' }
  try {
    return (await unfit(trial, probe)) ?? (await tried(trial, kind, probe))
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return { right: null, open: `it ${error.message}`, silent: true }
  }
}

/** An instance that refuses no broken token shows nothing by what it does with others. */
async function unfit(trial: Trial, probe: Probe): Promise<Seen | undefined> {
  if (trial.refusal !== null) return undefined
  const answer = await tryToken(trial.ask, trial.instance, brokenToken(probe), trial.signal)
  trial.refusal = refusalIn(answer)
  return trial.refusal === null ? { right: null, open: unguarded(trial.instance, answer.status) } : undefined
}

async function tried({ ask, instance, refusal, signal }: Trial, kind: ProbeKind, probe: Probe): Promise<Seen> {
  const answer = await tryToken(ask, instance, probe.token, signal)
  const meaning = meaningOf(answer, refusal as number)
  const { status } = answer
  if (meaning === 'unknown')
    return { right: null, status, open: `it answers ${status}, which says nothing about a token` }
  const reason = meaning === 'refused' ? reasonIn(answer) : undefined
  return { right: (meaning === 'accepted') === (kind === 'fresh'), status, ...(reason !== undefined && { reason }) }
}
