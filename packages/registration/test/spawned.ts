import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ready } from '../src/index.ts'
import { environment, type Setting } from './client.ts'

// Many of them start one after another: what Node keeps of compiled modules, where it keeps that by itself, makes each twice as quick.
const cache = join(tmpdir(), 'node-compile-cache')
const script = new URL('./starting.ts', import.meta.url).pathname

/** How a start in a process of its own ended; without a `result` it was killed or has failed. */
export interface Ended {
  readonly signal: NodeJS.Signals | null
  readonly result: (Ready & { readonly acts: number }) | undefined
  readonly stderr: string
}

/** Starts the client in a process of its own. `before` is a command of the shell that goes ahead, such as a limit. */
export async function spawned(setting: Setting, more: Record<string, string>, before = ':'): Promise<Ended> {
  const child = spawn('sh', ['-c', `${before}; exec "$0" "$1"`, process.execPath, script], {
    env: { ...environment(setting), PATH: process.env.PATH, NODE_COMPILE_CACHE: cache, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      said[name] += chunk
    })
  }
  const signal = await new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('close', (_, signal) => resolve(signal)),
  )
  return { signal, result: said.stdout === '' ? undefined : JSON.parse(said.stdout), stderr: said.stderr }
}
