import { BreakGlassError } from '../error.ts'
import { goOn, isBreakGlass } from './errors.ts'
import type { Surroundings } from './surroundings.ts'

const askEveryMs = 500
const defaultPatienceMs = 60_000

/**
 * Asks an identity provider that may be away for a while: it is being restarted, or moves to another machine. Whatever is
 * asked may be asked again.
 *
 * @param incident undefined where it is not known whether there is one by now
 * @param onAway told that it is away, and for how long, each time that it is asked once more; `undefined`: it is back
 * @throws BreakGlassError `PROVIDER_UNREACHABLE` when it stays away
 */
export async function patiently<T>(
  ask: () => Promise<T>,
  incident: string | undefined,
  { monotonic, pause, patienceMs = defaultPatienceMs }: Pick<Surroundings, 'monotonic' | 'pause' | 'patienceMs'>,
  signal: AbortSignal,
  onAway: (away: string | undefined) => void,
): Promise<T> {
  let since: number | undefined
  for (;;) {
    try {
      const answer = await unlessAborted(ask, signal)
      if (since !== undefined) onAway(undefined)
      return answer
    } catch (error) {
      if (!isBreakGlass(error, 'PROVIDER_UNREACHABLE')) throw error
      since ??= monotonic()
      if (monotonic() - since >= patienceMs) throw away(error, incident)
    }
    onAway(`the identity provider: away for ${Math.round((monotonic() - since) / 1_000)} s`)
    await unlessAborted(() => pause(askEveryMs, signal), signal)
  }
}

/** Does not wait any longer once the signal says so: rejects with its reason, and lets the work end by itself. */
export async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work(), aborted])
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function away(cause: BreakGlassError, incident: string | undefined): BreakGlassError {
  return new BreakGlassError(
    'PROVIDER_UNREACHABLE',
    `${cause.message}; ${goOn(incident)}`,
    { ...cause.facts, ...(incident !== undefined && { incident }) },
    { cause },
  )
}
