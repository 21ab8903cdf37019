/**
 * One alone carries an incident out. Its runner holds a claim for 15 s and renews it every 5 s: whoever was killed is
 * followed by somebody else within that time. A runner that was only paused for so long (a laptop that slept) learns at its
 * next write that the incident is another's by now, and stops.
 */
import { BreakGlassError } from '../error.ts'
import type { IncidentRecord } from '../incident/record.ts'
import { goOn, isBreakGlass } from './errors.ts'
import { patiently, unlessAborted } from './patience.ts'
import type { Surroundings } from './surroundings.ts'

const claimSeconds = 15
const renewEveryMs = 5_000
const lookEveryMs = 500

/**
 * Claims an incident, also where the identity provider is away for a while.
 *
 * @throws BreakGlassError `INCIDENT_CLAIMED`
 */
export function claim(incident: string, s: Surroundings): Promise<IncidentRecord> {
  return asked(() => claimOnce(incident, s), incident, s)
}

function claimOnce(incident: string, { provider, runner }: Surroundings): Promise<IncidentRecord> {
  return provider.journal.claim(incident, runner, claimSeconds)
}

/**
 * Asks what is asked outside of every step, patiently and until it is interrupted.
 *
 * @param incident undefined where it is not known whether there is one by now
 */
export function asked<T>(ask: () => Promise<T>, incident: string | undefined, s: Surroundings): Promise<T> {
  return interruptible(incident, s, ({ signal }) => patiently(ask, incident, s, signal, (away) => s.onAway?.(away)))
}

/** Claims an incident as soon as nobody else carries it out, and shows until then what that one does. */
export async function claimAfterOthers(incident: string, s: Surroundings): Promise<IncidentRecord> {
  for (;;) {
    try {
      return await claim(incident, s)
    } catch (error) {
      if (!isBreakGlass(error, 'INCIDENT_CLAIMED')) throw error
    }
    await untilFree(incident, s)
  }
}

/**
 * Does the work while the claim is renewed, and then lets it go.
 *
 * @param work its signal is aborted when the claim is lost or the run interrupted, with a BreakGlassError as the reason
 */
export function whileClaimed<T>(
  incident: string,
  s: Surroundings,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return interruptible(incident, s, async (stop) => {
    const ended = new AbortController()
    const renewing = renew(incident, s, ended.signal).catch((error: unknown) => stop.abort(error))
    try {
      return await work(stop.signal)
    } finally {
      ended.abort()
      await renewing
      await release(incident, s)
    }
  })
}

async function interruptible<T>(
  incident: string | undefined,
  s: Surroundings,
  work: (stop: AbortController) => Promise<T>,
) {
  const stop = new AbortController()
  const interrupt = () => stop.abort(interrupted(incident))
  if (s.signal.aborted) interrupt()
  s.signal.addEventListener('abort', interrupt, { once: true })
  try {
    return await work(stop)
  } finally {
    s.signal.removeEventListener('abort', interrupt)
  }
}

async function untilFree(incident: string, s: Surroundings): Promise<void> {
  for (;;) {
    const record = await asked(() => s.provider.journal.load(incident), incident, s)
    s.onChange(record)
    if (!record.claim || Date.parse(record.claim.until) <= Date.parse(record.now)) return
    await interruptible(incident, s, ({ signal }) => unlessAborted(() => s.pause(lookEveryMs, signal), signal))
  }
}

async function renew(incident: string, s: Surroundings, ended: AbortSignal): Promise<void> {
  while (await slept(s, ended)) {
    try {
      await claimOnce(incident, s)
    } catch (error) {
      // One that is away for a moment is waited for by the step that needs it, and tried here again in 5 s.
      if (!isBreakGlass(error, 'PROVIDER_UNREACHABLE')) throw error
    }
  }
}

async function slept({ pause }: Surroundings, ended: AbortSignal): Promise<boolean> {
  await pause(renewEveryMs, ended).catch((error: unknown) => {
    if (!ended.aborted) throw error
  })
  return !ended.aborted
}

/** A claim that cannot be let go of, because the identity provider is away, ends by itself. */
async function release(incident: string, { provider, runner }: Surroundings): Promise<void> {
  try {
    await provider.journal.release(incident, runner)
  } catch (error) {
    if (!isBreakGlass(error, 'PROVIDER_UNREACHABLE')) throw error
  }
}

function interrupted(incident: string | undefined): BreakGlassError {
  const facts = incident === undefined ? {} : { incident }
  return new BreakGlassError('INTERRUPTED', `interrupted; ${goOn(incident)}`, facts)
}
