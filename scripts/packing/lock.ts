import { mkdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const PATIENCE_MS = 10 * 60_000
const POLL_MS = 100

/** Where a package that is being packed keeps what it will need again. Neither git nor npm looks into it. */
export const placeOf = (folder: string): string => join(folder, '.rekey')
const lockOf = (folder: string): string => join(placeOf(folder), 'packing')

/**
 * Waits until nobody else packs this package, then writes down who does: the process id of an npm. What an npm left that is
 * gone is put back first.
 */
export async function take(folder: string, owner: number, putBack: () => void): Promise<void> {
  mkdirSync(placeOf(folder), { recursive: true })
  for (let polls = 0; !tryLock(folder, owner); polls += 1) {
    const other = ownerOf(folder)
    if (other === owner || (other !== undefined && !isAlive(other))) release(folder, other, putBack)
    else if (polls * POLL_MS > PATIENCE_MS) throw new Error(`npm ${other} packs for too long; see ${lockOf(folder)}`)
    else await wait(POLL_MS)
  }
}

/**
 * Puts things back and lets the next one in, if `owner` still has the lock. Several may call it for the same owner: the
 * folder named after him lets one of them act, and that one looks again before it does.
 */
export function release(folder: string, owner: number, putBack: () => void): void {
  const turn = `${lockOf(folder)}.${owner}`
  if (ownerOf(folder) !== owner || !tryMkdir(turn)) return
  try {
    if (ownerOf(folder) !== owner) return
    putBack()
    unlinkSync(lockOf(folder))
  } finally {
    rmdirSync(turn)
  }
}

/** Who packs now. */
export function ownerOf(folder: string): number | undefined {
  try {
    return Number(readFileSync(lockOf(folder), 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export function isAlive(owner: number): boolean {
  // Created and not yet written.
  if (owner === 0) return true
  try {
    process.kill(owner, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function tryLock(folder: string, owner: number): boolean {
  return orIfExists(() => writeFileSync(lockOf(folder), String(owner), { flag: 'wx' }))
}

function tryMkdir(path: string): boolean {
  return orIfExists(() => mkdirSync(path))
}

function orIfExists(create: () => void): boolean {
  try {
    create()
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
