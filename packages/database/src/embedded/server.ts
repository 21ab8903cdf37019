import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Binaries } from './binaries.ts'
import { failureOf } from './failure.ts'
import type { ServerLog } from './log.ts'
import type { Place } from './place.ts'
import { ids, serverEnvironment } from './run.ts'

const readyPollMs = 10
const fastShutdownMs = 1000
const immediateShutdownMs = 400

/** How a server ended. */
export interface ServerExit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Server {
  pid: number
  exited: Promise<ServerExit>
  stop(): Promise<void>
}

/** The setting by which a later start recognises whether the process that started this server is still its parent. */
export const startedBySetting = 'rekey.started_by'

/**
 * Starts the server and waits until it takes connections. Throws a DatabaseError made from its last words otherwise.
 */
export async function startServer(place: Place, binaries: Binaries, port: number, log: ServerLog): Promise<Server> {
  const child = spawn(join(binaries.folder, 'bin/postgres'), serverArguments(place, port), {
    cwd: '/',
    env: serverEnvironment,
    // A session of its own: a Ctrl-C in the terminal is for us, who then stop the server in order.
    detached: true,
    stdio: ['ignore', log.stdio, log.stdio],
    ...ids(place.account),
  })
  log.attach(child.stdout)
  log.attach(child.stderr)
  const exited = exitOf(child)
  const server = { pid: child.pid ?? -1, exited, stop: once(() => stopServer(child, exited)) }
  if (await becomesReady(server, place)) return server
  throw failureOf(await log.tail(), { data: place.data, port })
}

function serverArguments(place: Place, port: number): string[] {
  const settings = {
    port,
    // Not "localhost": bound to one address only, another program could hold the other one and be taken for us.
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // Eight instances of 15 connections each, and room for an operator.
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %q%u@%d ',
    password_encryption: 'scram-sha-256',
    [startedBySetting]: process.pid,
  }
  return ['-D', place.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

// Like pg_ctl: the eighth line of postmaster.pid. A connection attempt could reach another server on the same port.
async function becomesReady(server: Server, place: Place): Promise<boolean> {
  let ended = false
  server.exited.then(() => {
    ended = true
  })
  while (!ended) {
    const lines = await readPidFile(place.data)
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return true
    await Promise.race([wait(readyPollMs), server.exited])
  }
  return false
}

/** The lines of the server's lock file; empty when there is none. */
export async function readPidFile(data: string): Promise<string[]> {
  try {
    return (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function exitOf(child: ChildProcess): Promise<ServerExit> {
  return new Promise((resolve) => {
    child.on('error', () => resolve({ code: null, signal: null }))
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
}

// Fast shutdown first. A client that does not let go, or a slow disk, must not keep the estate from ending within 3 s,
// of which its other parts need one: an immediate shutdown loses nothing that was committed, it only costs a recovery at
// the next start.
async function stopServer(child: ChildProcess, exited: Promise<ServerExit>): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    ['SIGINT', fastShutdownMs],
    ['SIGQUIT', immediateShutdownMs],
  ]
  for (const [signal, patienceMs] of steps) {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    if (await endsWithin(exited, patienceMs)) return
  }
  child.kill('SIGKILL')
  await exited
}

async function endsWithin(exited: Promise<unknown>, patienceMs: number): Promise<boolean> {
  const patience = new AbortController()
  const tooLong = wait(patienceMs, false, { signal: patience.signal }).catch(() => false)
  const ended = await Promise.race([exited.then(() => true), tooLong])
  patience.abort()
  return ended
}

function once<T>(act: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= act()
    return result
  }
}
