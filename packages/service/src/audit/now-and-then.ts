const anHourMs = 3_600_000

/**
 * Does something now, and again an hour after it was done.
 *
 * @param onError is told when it fails; it is done again at its next time
 * @returns ends it; what is under way is not waited for
 */
export function nowAndThen(act: () => Promise<unknown>, onError: (error: unknown) => void): () => void {
  let open = true
  let timer: NodeJS.Timeout | undefined
  const once = async () => {
    await act().catch(onError)
    if (open) timer = setTimeout(once, anHourMs).unref()
  }
  void once()
  return () => {
    open = false
    clearTimeout(timer)
  }
}
