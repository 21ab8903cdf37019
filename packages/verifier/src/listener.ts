import { inspect } from 'node:util'

/**
 * Tells a listener of the application, on a later tick. What it throws, or rejects with, harms nothing and is not lost
 * either: it becomes a warning of the process, which Node writes to stderr unless the application handles warnings.
 */
export function tell<T>(name: string, listener: ((fact: T) => unknown) | undefined, fact: T): void {
  if (listener === undefined) return
  process.nextTick(async () => {
    try {
      await listener(fact)
    } catch (error) {
      process.emitWarning(`${name} failed`, { type: 'RekeyWarning', detail: inspect(error) })
    }
  })
}
