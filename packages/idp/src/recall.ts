/**
 * What was read from the database by a key, kept in memory until the view of the instance is told that it changed.
 *
 * A read that was under way while its row changed is done again: it may have seen the old one. What is not there is not
 * remembered, so that asking for keys at random fills nothing.
 *
 * @param read from the database
 * @param requireRoom throws when the database has no room for another read
 */
export function recall<Row>(read: (key: string) => Promise<Row | undefined>, requireRoom: () => void) {
  const known = new Map<string, Row>()
  const reads = new Map<string, Promise<Row | undefined>>()

  function readAnew(key: string): Promise<Row | undefined> {
    requireRoom()
    const reading: Promise<Row | undefined> = read(key).then(
      (found) => {
        // It changed meanwhile: what was read may be the old row.
        if (reads.get(key) !== reading) return get(key)
        reads.delete(key)
        if (found) known.set(key, found)
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

  /** @returns the row at once when it is known, so that the common path has nothing to wait for */
  function get(key: string): Row | Promise<Row | undefined> {
    return known.get(key) ?? reads.get(key) ?? readAnew(key)
  }

  return {
    get,
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

export type Recall<Row> = ReturnType<typeof recall<Row>>
