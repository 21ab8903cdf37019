import type { Clock } from '../clock.ts'
import { BreakGlassError } from '../error.ts'
import type { ApiTarget } from '../incident/plan.ts'
import type { Probe, Unavailable, VerifierShown } from '../providers/port.ts'
import { instancesOf, type Lookup } from './addresses.ts'
import { baselineOf } from './baseline.ts'
import { type ClientOptions, httpClient } from './client.ts'
import { proveInstances } from './prove.ts'
import { refreshInstances } from './refresh.ts'
import type { Baseline, InstanceAddress, InstanceVerdict, RefreshOutcome } from './verdict.ts'

/** What instances are told by {@link InstanceTools.refreshInstances}. */
export interface RefreshRequest {
  /** The secret of the internal endpoints; without it every instance is `absent`. */
  token?: string | undefined
  /** What they deny from now on, as `POST /internal/auth/deny` takes it: the key, the sessions, the denied probe. */
  entries: readonly Record<string, string>[]
  onAnswer?: (outcome: RefreshOutcome) => void
}

/** The tokens that are tried. What is unavailable, or cannot be had just then, leaves that question open. */
export interface Probes {
  old?: Probe | undefined
  fresh: () => Promise<Probe | Unavailable>
  denied: () => Promise<Probe | Unavailable>
}

/** What instances are proved by, and for how long that is tried. */
export interface ProofRequest {
  kid: string
  baselines?: readonly Baseline[]
  refreshes?: readonly RefreshOutcome[]
  /** Who is on the feed, with the end of what they may accept: for the worst case of those that say who they are. */
  verifiers?: readonly Pick<VerifierShown, 'id' | 'acceptsUntil'>[] | undefined
  /** Whom to tell of a denied probe that was made after the refresh. */
  token?: string | undefined
  /** Since when nobody should accept the key any more, ISO 8601; the worst case is counted from here. */
  since: string
  /** For how long instances that are not proved are tried again. */
  withinMs: number
  /** How many rounds in a row must say the same; 3. */
  rounds?: number
  /** After each round of an instance: how it stands, with `provedAt` once it is proved. */
  onRound?: (verdict: InstanceVerdict) => void
}

/** Everything that is done with instances of APIs, so that tests of the procedure may bring their own. */
export interface InstanceTools {
  instancesOf(targets: readonly ApiTarget[]): Promise<InstanceAddress[]>
  baselineOf(instances: readonly InstanceAddress[], compromised?: Probe, signal?: AbortSignal): Promise<Baseline[]>
  refreshInstances(
    instances: readonly InstanceAddress[],
    request: RefreshRequest,
    signal?: AbortSignal,
  ): Promise<RefreshOutcome[]>
  proveInstances(
    instances: readonly InstanceAddress[],
    probes: Probes,
    request: ProofRequest,
    signal?: AbortSignal,
  ): Promise<InstanceVerdict[]>
}

/** What the tools need of the process that they run in. */
export interface ToolOptions extends ClientOptions {
  clock: Clock
  monotonic: Clock
  pause: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Addresses of a name; default: as the system resolves it. */
  lookup?: Lookup
}

/** Time, waiting and the way to instances, as every part of this folder takes them. */
export interface Hands {
  client: ReturnType<typeof httpClient>
  clock: Clock
  monotonic: Clock
  pause: ToolOptions['pause']
}

/** The tools for real instances, over HTTP. */
export function instanceTools({ lookup, clock, monotonic, pause, ...client }: ToolOptions): InstanceTools {
  const hands: Hands = { client: httpClient(client), clock, monotonic, pause: interruptible(pause) }
  return {
    instancesOf: (targets) => instancesOf(targets, lookup),
    baselineOf: (instances, compromised, signal) => baselineOf(instances, compromised, hands, signal),
    refreshInstances: (instances, request, signal) => refreshInstances(instances, request, hands, signal),
    proveInstances: (instances, probes, request, signal) => proveInstances(instances, probes, request, hands, signal),
  }
}

function interruptible(pause: ToolOptions['pause']): ToolOptions['pause'] {
  return async (ms, signal) => {
    try {
      await pause(ms, signal)
    } catch (cause) {
      if (!signal?.aborted) throw cause
      throw new BreakGlassError('INTERRUPTED', 'interrupted while instances were waited for', {}, { cause })
    }
  }
}
