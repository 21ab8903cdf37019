import { readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { DatabaseError } from '../error.ts'
import { runAs } from './run.ts'
import { readPidFile, startedBySetting } from './server.ts'

const pollMs = 20
const stepMs = 2000

interface Running {
  parent: number
  command: string
  folder: string | undefined
}

/**
 * Ends the server that an earlier run left behind on this data folder. Left behind means: started by us (it carries our
 * setting), and its starter is no longer its parent. A server whose starter lives, or that somebody started by hand, is
 * not ours to end.
 *
 * The process number alone proves nothing: after a restart of the machine or container it may be another's. PostgreSQL
 * would refuse to start if that other one is of the same user, so the stale lock file goes; the folder is still
 * guarded, because PostgreSQL looks for shared memory attached to it as well.
 */
export async function endLeftover(data: string): Promise<void> {
  const pid = Number((await readPidFile(data))[0])
  const running = Number.isInteger(pid) && pid > 0 ? await inspect(pid) : undefined
  if (!running) return
  if (!(await isServerOf(running, data))) return rm(join(data, 'postmaster.pid'), { force: true })
  const starter = new RegExp(`${startedBySetting}=(\\d+)`).exec(running.command)?.[1]
  if (starter === undefined || Number(starter) === running.parent) throw inUse(data, pid, starter)
  await end(pid, data)
}

async function isServerOf(running: Running, data: string): Promise<boolean> {
  if (!/postgres/.test(running.command)) return false
  const real = await realpath(data)
  return running.folder === real || running.command.includes(`-D ${real} `) || running.command.includes(`-D ${data} `)
}

async function end(pid: number, data: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!send(pid, signal)) return
    for (let waitedMs = 0; waitedMs < stepMs; waitedMs += pollMs) {
      await wait(pollMs)
      if (!(await inspect(pid))) return
    }
  }
  throw inUse(data, pid, undefined)
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** What the system knows about a process; undefined when there is none, or only its zombie. */
async function inspect(pid: number): Promise<Running | undefined> {
  return process.platform === 'linux' ? inspectLinux(pid) : inspectByPs(pid)
}

async function inspectLinux(pid: number): Promise<Running | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses, and may hold any character.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return undefined
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
    return { parent: Number(parent), command, folder }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}

async function inspectByPs(pid: number): Promise<Running | undefined> {
  const { code, output } = await runAs({ name: 'self' }, '/bin/ps', [
    '-ww',
    '-o',
    'ppid=,stat=,command=',
    '-p',
    `${pid}`,
  ])
  const fields = /^\s*(\d+)\s+(\S+)\s+(.*)/s.exec(output)
  if (code !== 0 || !fields || fields[2]?.startsWith('Z')) return undefined
  return { parent: Number(fields[1]), command: fields[3] ?? '', folder: undefined }
}

function inUse(data: string, pid: number, starter: string | undefined): DatabaseError {
  const by = starter === undefined ? '' : `, started by process ${starter}`
  return new DatabaseError(
    'DATA_FOLDER_IN_USE',
    `The data folder ${data} is in use by the PostgreSQL server with process number ${pid}${by}. End that first.`,
    { facts: { pid, starter } },
  )
}
