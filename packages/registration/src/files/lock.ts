import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { monotonicClock } from '../clock.ts'
import { RegistrationError, systemCode } from '../error.ts'
import { guarded } from './folder.ts'

/**
 * A lock between processes that may be on different machines. The files `<path>.lock-<n>` count its holders: who makes the
 * next number (O_EXCL, which network file systems keep) holds it, and the highest number is never removed, so that no takeover can remove
 * the lock of a third. A holder beats by changing its file; who waits takes over when it saw no change for `staleMs` of its own steady clock: no two
 * clocks have to agree, and a crash costs the next one that long.
 */
export interface Lock {
  /** @throws RegistrationError LOCKED when this process was stopped for so long that another one took over; FILE_FAILED when that cannot be told. */
  assertHeld(): Promise<void>
  release(): Promise<void>
}

/** Milliseconds: without a change until a holder counts as dead; between two changes; of waiting in all. */
export interface LockTimes {
  readonly staleMs: number
  readonly beatMs: number
  readonly waitMs: number
}

export const usualTimes: LockTimes = { staleMs: 10_000, beatMs: 1_000, waitMs: 120_000 }
const POLL_MS = 50
const RELEASED = 'released'

// Of a folder in which nothing can be written.
const READ_ONLY = ['EROFS', 'EACCES', 'EPERM']

/**
 * Waits for the lock and takes it. In a folder that is read-only it is not there to be had and not needed either, for as long as there is nothing
 * to write: then it is `assertHeld` that fails.
 * @throws RegistrationError LOCKED | FILE_FAILED
 */
export async function acquire(path: string, times: LockTimes = usualTimes): Promise<Lock> {
  try {
    return await guarded(`${path}.lock-…`, 'written', () => taken(path, times))
  } catch (error) {
    if (!READ_ONLY.includes(systemCode((error as Error).cause) ?? '')) throw error
    return { assertHeld: () => Promise.reject(error), release: async () => undefined }
  }
}

async function taken(path: string, times: LockTimes): Promise<Lock> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const until = monotonicClock() + times.waitMs
  const isStale = staleness(times.staleMs)
  while (monotonicClock() < until) {
    const top = await highest(path)
    if (top.text === RELEASED || isStale(top)) {
      const number = top.number + 1
      if (await take(path, number)) return hold(path, number, times)
    } else {
      await setTimeout(POLL_MS)
    }
  }
  throw new RegistrationError(
    'LOCKED',
    `Another process has held ${path}.lock-… for ${Math.round(times.waitMs / 1000)} s. Look whether it hangs, end it, and start again.`,
  )
}

function staleness(staleMs: number): (top: Top) => boolean {
  let seen = ''
  let since = 0
  return ({ number, text }) => {
    const now = `${number} ${text}`
    if (now !== seen) {
      seen = now
      since = monotonicClock()
    }
    return monotonicClock() - since >= staleMs
  }
}

interface Top {
  readonly number: number
  readonly text: string
}

async function highest(path: string): Promise<Top> {
  const number = Math.max(0, ...(await numbers(path)))
  if (number === 0) return { number, text: RELEASED }
  try {
    return { number, text: await readFile(`${path}.lock-${number}`, 'utf8') }
  } catch (error) {
    // A later holder removed it between the two looks.
    if (systemCode(error) === 'ENOENT') return { number, text: '' }
    throw error
  }
}

async function numbers(path: string): Promise<number[]> {
  const start = `${basename(path)}.lock-`
  return (await readdir(dirname(path)))
    .filter((name) => name.startsWith(start) && /^\d+$/.test(name.slice(start.length)))
    .map((name) => Number(name.slice(start.length)))
}

async function take(path: string, number: number): Promise<boolean> {
  const mine = `${path}.lock-${number}`
  try {
    const file = await open(mine, 'wx', 0o600)
    await file.writeFile(`${randomUUID()} 0`).finally(() => file.close())
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
  const all = await numbers(path)
  // Made a number that a later holder had removed already: the look before was too old.
  if (Math.max(...all) > number) {
    await rm(mine, { force: true })
    return false
  }
  const old = all.filter((other) => other < number)
  await Promise.all(old.map((other) => rm(join(dirname(path), `${basename(path)}.lock-${other}`), { force: true })))
  return true
}

function hold(path: string, number: number, times: LockTimes): Lock {
  const mine = `${path}.lock-${number}`
  const owner = randomUUID()
  let beats = 0
  let writing: Promise<void> = Promise.resolve()
  const say = (text: string) => {
    writing = writing.then(() => overwrite(mine, text))
    return writing
  }
  const timer = setInterval(() => void say(`${owner} ${++beats}`), times.beatMs)
  return {
    async assertHeld() {
      const all = await guarded(mine, 'read', () => numbers(path))
      if (Math.max(0, ...all) === number) return
      throw new RegistrationError(
        'LOCKED',
        'This process stood still for so long that another one took over its files. It changed nothing more: start it again.',
      )
    },
    async release() {
      clearInterval(timer)
      await say(RELEASED)
    },
  }
}

// A file that is gone was taken over; a beat that cannot be written is the same as a missed one, and assertHeld finds out.
async function overwrite(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'r+')
    try {
      await file.truncate(0)
      await file.write(text, 0)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (systemCode(error) === undefined) throw error
  }
}
