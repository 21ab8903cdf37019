/**
 * A read that many want at once. Whoever asks gets one that begins after that, and shares it with all who asked by then.
 *
 * @returns asks for it; rejects as the read does
 */
export function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | undefined

  function begin(): Promise<T> {
    next = undefined
    const reading = read()
    last = reading
    return reading
  }

  return () => {
    next ??= last.then(begin, begin)
    return next
  }
}
