import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Announcement } from './announce.ts'
import { CLIENT_ID, CLIENT_SECRET, SCOPE } from './client.ts'
import { onServerCore } from './cores.ts'

/** A running token endpoint in a process of its own, and the client that may ask it. */
export interface Contestant {
  readonly name: string
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string
  stop(): Promise<void>
}

/** A server in a process of its own. */
export interface Server {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Starts one of the servers in this folder, which announces its own address. */
export async function startScript(name: string, script: string): Promise<Contestant> {
  const server = await startServer(name, new URL(script, import.meta.url))
  return { name, ...server, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, scope: SCOPE }
}

/** Starts a script that serves on the servers' core and announces its own address. */
export async function startServer(name: string, script: URL, more: readonly string[] = []): Promise<Server> {
  const [program, ...args] = onServerCore([process.execPath, fileURLToPath(script), ...more])
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const stdout = createInterface({ input: child.stdout })
  const line = await Promise.race([once(stdout, 'line'), endedEarly(name, child)])
  const { url } = JSON.parse(String(line[0])) as Announcement
  return { url, pid: child.pid as number, stop: () => stopProcess(child) }
}

export async function endedEarly(name: string, child: ChildProcess): Promise<never> {
  const [code, signal] = await once(child, 'exit')
  throw new Error(`${name} ended before it was ready (${signal ?? `exit code ${code}`})`)
}

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
