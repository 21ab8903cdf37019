/** What is held at once, by one instance. */
const mostHeld = 512
/** Of one subscription, and of one whose last attempt failed. */
const mostOfOne = 64
const mostOfFailing = 4

/**
 * How much an instance has under way, and of whom. What hangs or fails must not hold up the rest: of one subscription only so
 * many deliveries are held here at a time, and fewer of one that does not get through.
 */
export function room() {
  const held = new Map<string, number>()
  const failing = new Set<string>()
  let sum = 0
  return {
    /** How many more may be taken. */
    left: (): number => mostHeld - sum,
    /** Of which subscriptions none may be taken now. */
    full: (): string[] =>
      [...held].flatMap(([id, count]) => (count >= (failing.has(id) ? mostOfFailing : mostOfOne) ? [id] : [])),
    hold(webhookId: string): void {
      held.set(webhookId, (held.get(webhookId) ?? 0) + 1)
      sum += 1
    },
    release(webhookId: string): void {
      const count = (held.get(webhookId) ?? 0) - 1
      if (count > 0) held.set(webhookId, count)
      else held.delete(webhookId)
      sum -= 1
    },
    note(webhookId: string, gotThrough: boolean): void {
      if (gotThrough) failing.delete(webhookId)
      else failing.add(webhookId)
    },
  }
}

export type Room = ReturnType<typeof room>
