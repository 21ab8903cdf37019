/** What a program prints: for stores of secrets that are known to it and not to us. */
import { spawn } from 'node:child_process'
import { isAbsolute } from 'node:path'
import { SecretsError } from '../error.ts'
import { notWritable, type SecretSource, valuesIn } from './source.ts'

const mostBytes = 65_536
/** A program may be slow, and what it asks may count how often it is asked. */
const restMs = 60_000

/**
 * The program is started as it stands, by no shell: its arguments are what white space separates. Of our environment it is
 * given PATH and HOME alone, so that no other secret gets there; what it says on stderr is thrown away, because it may quote
 * what it handles.
 *
 * @param command an absolute path, and arguments
 */
export function programSource(
  command: string,
  env: NodeJS.ProcessEnv,
  { deadlineMs = 10_000 }: { deadlineMs?: number } = {},
): SecretSource {
  const [program = '', ...args] = command.trim().split(/\s+/)
  if (!isAbsolute(program)) throw new SecretsError('SOURCE_INVALID', 'exec: is followed by the whole path of a program')
  const description = `exec:${program}`
  let running: Promise<string[]> | undefined
  const refuse = async () => {
    throw notWritable(description, 'change it where the program reads it')
  }
  const child = Object.fromEntries(['PATH', 'HOME'].flatMap((name) => (env[name] ? [[name, env[name]]] : [])))

  return {
    description,
    restMs,
    values() {
      running ??= printed(program, args, child, deadlineMs)
        .then((text) => valuesIn(text, description))
        .finally(() => {
          running = undefined
        })
      return running
    },
    isWritable: async () => false,
    add: refuse,
    remove: refuse,
    close: () => undefined,
  }
}

function printed(program: string, args: string[], env: NodeJS.ProcessEnv, deadlineMs: number): Promise<string> {
  const failed = (why: string) => new SecretsError('SOURCE_UNAVAILABLE', `exec:${program} ${why}`)
  return new Promise((resolve, reject) => {
    // In a group of its own: what it has started ends with it.
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    const chunks: Buffer[] = []
    let bytes = 0
    function end(why: string): void {
      clearTimeout(timer)
      child.stdout.destroy()
      endGroup(child.pid)
      reject(failed(why))
    }
    const timer = setTimeout(end, deadlineMs, `did not end within ${deadlineMs / 1_000} s`)
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > mostBytes) end(`prints more than ${mostBytes} bytes`)
    })
    child.once('error', (error: NodeJS.ErrnoException) => end(`cannot be started (${error.code ?? 'no reason given'})`))
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(Buffer.concat(chunks).toString())
      else reject(failed(signal ? `was ended by ${signal}` : `ended with exit code ${code}`))
    })
  })
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It has ended by itself just now.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
