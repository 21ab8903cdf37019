/** Processes that change the same file take turns, by a file beside it that only one of them can make. */

import { randomUUID } from 'node:crypto'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '@rekey/keyring'
import { SecretsError } from '../error.ts'

const lookEveryMs = 50
const mostLooks = 60
/** Whoever takes that long over a few system calls was killed in the middle of them. */
const deadAfterMs = 10_000

/** @throws SecretsError `SOURCE_UNAVAILABLE` when others do not come to an end */
export async function inTurn<T>(path: string, description: string, act: () => Promise<T>): Promise<T> {
  const turn = `${path}.turn`
  for (let looks = 0; !(await take(turn)); looks++) {
    if (looks === mostLooks) throw new SecretsError('SOURCE_UNAVAILABLE', `others keep changing ${description}`)
    await clearDead(turn)
    await pause(lookEveryMs)
  }
  try {
    return await act()
  } finally {
    await rm(turn, { force: true })
  }
}

async function take(turn: string): Promise<boolean> {
  try {
    await (await open(turn, 'wx', 0o600)).close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function clearDead(turn: string): Promise<void> {
  const found = await stat(turn).catch(unlessMissing)
  if (!found || systemClock() - found.mtimeMs < deadAfterMs) return
  const dead = `${turn}.${randomUUID()}`
  await rename(turn, dead).catch(unlessMissing)
  const moved = await stat(dead).catch(unlessMissing)
  // Between the look and the renaming somebody else may have cleared it and begun: then this is his, and he gets it back.
  if (moved && moved.ino !== found.ino) await link(dead, turn).catch(unlessTaken)
  await rm(dead, { force: true })
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function unlessTaken(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EEXIST') throw error
}
