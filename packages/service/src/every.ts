/**
 * Does something again and again, never twice at once.
 *
 * @param onError is told when it fails; it is done again at its next time
 * @returns ends it, when what is under way is done
 */
export function every(ms: number, act: () => Promise<unknown>, onError: (error: unknown) => void): () => Promise<void> {
  let underWay: Promise<void> | undefined
  const timer = setInterval(() => {
    underWay ??= act()
      .then(() => undefined, onError)
      .finally(() => {
        underWay = undefined
      })
  }, ms).unref()
  return async () => {
    clearInterval(timer)
    await underWay
  }
}
