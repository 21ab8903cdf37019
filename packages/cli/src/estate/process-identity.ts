import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Names one process for ever: numbers are given out again, so the moment of its start belongs to its name. Text that
 * only this module understands.
 */
export interface ProcessIdentity {
  pid: number
  /** Undefined where the system does not tell: then the number alone counts. */
  startedAt?: string
}

/** The identity of a process that runs now, or undefined when there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!exists(pid)) return undefined
  const startedAt = process.platform === 'linux' ? linuxStart(pid) : otherStart(pid)
  return startedAt === undefined ? { pid } : { pid, startedAt }
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid)
  if (now === undefined) return false
  return identity.startedAt === undefined || now.startedAt === undefined || now.startedAt === identity.startedAt
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (cause) {
    // EPERM: it is there, and somebody else's.
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A process that ended but was not waited for holds neither ports nor files. */
function isZombie(pid: number): boolean {
  return process.platform === 'linux' && statFields(pid)?.[0] === 'Z'
}

function linuxStart(pid: number): string | undefined {
  // proc(5): field 22 is the start in ticks since boot, so that it takes the boot's id to be unique.
  const ticks = statFields(pid)?.[19]
  return ticks === undefined ? undefined : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`
}

/** The fields of /proc/PID/stat from the third on: the second is a name that may hold blanks and brackets. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    // Gone meanwhile, or a system that hides other users' processes.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined
    throw cause
  }
}

function otherStart(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch (cause) {
    // ps ends with 1 when the process is gone; a system without ps tells nothing.
    if (typeof (cause as { status?: unknown }).status === 'number') return undefined
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}
