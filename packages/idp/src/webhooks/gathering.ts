/** Hands over together what comes one by one. */
export interface Gathering<Item> {
  add(item: Item): void
  /** Hands over what is there; returns when all that was handed over has been taken. */
  end(): Promise<void>
}

/**
 * @param take never throws
 * @param waitMs how long the first one waits for company
 * @param most that are handed over at once
 */
export function gathering<Item>(take: (items: Item[]) => Promise<void>, waitMs: number, most: number): Gathering<Item> {
  let items: Item[] = []
  let timer: NodeJS.Timeout | undefined
  const underWay = new Set<Promise<void>>()

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (items.length === 0) return
    const taken = take(items).finally(() => underWay.delete(taken))
    underWay.add(taken)
    items = []
  }

  return {
    add(item) {
      items.push(item)
      if (items.length >= most) flush()
      else timer ??= setTimeout(flush, waitMs)
    },
    async end() {
      flush()
      await Promise.all(underWay)
    },
  }
}
