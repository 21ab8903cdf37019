import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const CLIENT = fileURLToPath(new URL('./client.py', import.meta.url))
const execute = promisify(execFile)
const PATIENCE = { timeout: 120_000 }

/** A line of what the client says. */
export interface Said {
  readonly step: string
  // biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member in the test
  readonly [fact: string]: any
}

/** A Python with Authlib in a folder of its own, or why there is none. */
export async function pythonWithAuthlib() {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-authlib-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await execute('python3', ['-m', 'venv', folder], PATIENCE)
    await execute(join(folder, 'bin/pip'), ['install', '--quiet', 'authlib>=1.6,<2', 'requests>=2,<3'], PATIENCE)
    return { python: join(folder, 'bin/python'), remove }
  } catch (error) {
    await remove()
    return { missing: `Authlib cannot be had: ${(error as Error).message.split('\n')[0]}` }
  }
}

/**
 * Runs the client.
 *
 * @param answer what it is told when it says what it waits for
 */
export async function runClient(
  python: string,
  given: readonly string[],
  answer: (said: Said) => Promise<string | undefined>,
): Promise<Map<string, Said>> {
  const env = { PATH: process.env.PATH, AUTHLIB_INSECURE_TRANSPORT: '1' }
  const client = spawn(python, [CLIENT, ...given], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(client, 'close')
  const all = new Map<string, Said>()
  try {
    for await (const line of createInterface({ input: client.stdout })) {
      const said = JSON.parse(line) as Said
      all.set(said.step, said)
      const answered = await answer(said)
      if (answered !== undefined) client.stdin.write(`${answered}\n`)
    }
    const [code] = await ended
    if (code !== 0) throw new Error(`the client in Python ended with ${code} after ${[...all.keys()].join(', ')}`)
    return all
  } finally {
    client.kill()
  }
}
