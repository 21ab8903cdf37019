/**
 * What was read from the database by a key, kept in memory until the view of the instance is told that it changed.
 *
 * A read that was under way while its row changed is done again: it may have seen the old one. What is not there is not
 * remembered, so that asking for keys at random fills nothing.
 *
 * @param read from the database
 * @param requireRoom throws when the database has no room for another read
 * @param most how many are kept; beyond that the oldest go
 */
export function recall<Row>(
  read: (key: string) => Promise<Row | undefined>,
  requireRoom: () => void,
  most = Number.POSITIVE_INFINITY,
) {
  const known = new Map<string, Row>()
  const reads = new Map<string, Promise<Row | undefined>>()
  /** Reads that begin when the one under way has ended. */
  const next = new Map<string, Promise<Row | undefined>>()

  function readAnew(key: string): Promise<Row | undefined> {
    requireRoom()
    const reading: Promise<Row | undefined> = read(key).then(
      (found) => {
        // It changed meanwhile, or is being read once more: what was read may be the old row.
        if (reads.get(key) !== reading) return reads.get(key) ?? known.get(key) ?? readAnew(key)
        reads.delete(key)
        keep(key, found)
        return found
      },
      (error) => {
        if (reads.get(key) === reading) reads.delete(key)
        throw error
      },
    )
    reads.set(key, reading)
    return reading
  }

  function keep(key: string, found: Row | undefined): void {
    known.delete(key)
    if (found) known.set(key, found)
    const [oldest] = known.size > most ? known.keys() : []
    if (oldest !== undefined) known.delete(oldest)
  }

  return {
    /** What is in memory, and nothing that would have to be read. */
    known: (key: string): Row | undefined => known.get(key),
    /** @returns the row at once when it is known, so that the common path has nothing to wait for */
    get: (key: string): Row | Promise<Row | undefined> => known.get(key) ?? reads.get(key) ?? readAnew(key),
    /**
     * Reads it by a read that begins now, whatever is known: what is refused must not be refused for what was true once. Who
     * asks while it is being read waits for that to end, and all who wait share the next read.
     */
    async fresh(key: string): Promise<Row | undefined> {
      const running = reads.get(key)
      if (!running) return readAnew(key)
      const waiting = next.get(key)
      if (waiting) return waiting
      // Where that one found no database, the next would keep them waiting as long once more.
      const reading = running.then(
        () => {
          next.delete(key)
          return readAnew(key)
        },
        (error) => {
          next.delete(key)
          throw error
        },
      )
      next.set(key, reading)
      return reading
    },
    forget(key: string): void {
      known.delete(key)
      reads.delete(key)
    },
    forgetAll(): void {
      known.clear()
      reads.clear()
    },
  }
}

/** Rows that are remembered: {@link recall}. */
export type Recall<Row> = ReturnType<typeof recall<Row>>
