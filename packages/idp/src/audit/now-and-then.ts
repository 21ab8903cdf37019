import type { Clock } from '../clock.ts'

const anHourMs = 3_600_000
/** A chain of many years takes minutes of a core: the reading of it must stay a small part of what an instance does. */
const restPerWork = 20

/**
 * Does something now, and again an hour after it was done, or after twenty times as long as it took if that is more.
 *
 * @param onError is told when it fails; it is done again at its next time
 * @param clock one that never steps
 * @returns ends it; what is under way is not waited for
 */
export function nowAndThen(act: () => Promise<unknown>, onError: (error: unknown) => void, clock: Clock): () => void {
  let open = true
  let timer: NodeJS.Timeout | undefined
  const once = async () => {
    const begun = clock()
    await act().catch(onError)
    if (open) timer = setTimeout(once, Math.max(anHourMs, restPerWork * (clock() - begun))).unref()
  }
  void once()
  return () => {
    open = false
    clearTimeout(timer)
  }
}
