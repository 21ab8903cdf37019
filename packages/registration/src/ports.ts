import { setTimeout } from 'node:timers/promises'
import { redactText } from '@rekey/redact'
import { type Clock, systemClock } from './clock.ts'
import { disk, type Files } from './files/disk.ts'
import { type LockTimes, usualTimes } from './files/lock.ts'

export type LogLevel = 'info' | 'warn' | 'error'

/** Takes one line; it is free of secrets already. */
export type Log = (level: LogLevel, line: string) => void

/** What the library touches of the world outside. Each has a default. */
export interface Ports {
  /** HTTP; the global `fetch` by default. */
  readonly fetch: typeof fetch
  /** The wall clock in milliseconds; keys age by it. */
  readonly now: Clock
  /** Lines for people; stderr by default. */
  readonly log: Log
  /** Waits so many milliseconds between attempts. */
  readonly sleep: (milliseconds: number) => Promise<void>
  /** From 0 to 1, for the length of those waits; `Math.random` by default. */
  readonly random: () => number
  /** Reading and writing of the client's files. */
  readonly files: Files
  /** How long another process is waited for. */
  readonly lockTimes: LockTimes
}

export function portsWith(given: Partial<Ports>): Ports {
  const log = given.log ?? toStderr
  return {
    fetch: given.fetch ?? globalThis.fetch,
    now: given.now ?? systemClock,
    log: (level, line) => log(level, redactText(line)),
    sleep: given.sleep ?? ((milliseconds) => setTimeout(milliseconds)),
    random: given.random ?? Math.random,
    files: given.files ?? disk,
    lockTimes: given.lockTimes ?? usualTimes,
  }
}

const toStderr: Log = (level, line) => {
  process.stderr.write(`${level}: ${line}\n`)
}
