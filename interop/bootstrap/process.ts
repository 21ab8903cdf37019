import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Service } from './service.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

/** How a process that registered itself has ended. */
export interface Ended {
  /** SIGKILL where it was killed as asked. */
  readonly signal: string | null
  /** What it did until then: so many changes of files and requests. */
  readonly operations: number
  readonly outcome?: string
  /** Of a RegistrationError. */
  readonly code?: string
}

/**
 * Starts the service in a process of its own.
 *
 * @param killBefore the how-manieth change of a file, or request, it is killed at, with half of what it writes written
 */
export async function run({ environment }: Service, killBefore = 0): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, ...environment, KILL_BEFORE: String(killBefore) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [, signal] = await once(child, 'close')
  return output === '' ? { signal, operations: killBefore } : { signal, ...JSON.parse(output) }
}
