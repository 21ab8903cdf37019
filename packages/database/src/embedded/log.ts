import { closeSync, openSync } from 'node:fs'
import { open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { exists } from './place.ts'

const maxBytes = 10 * 1024 * 1024
const tailBytes = 16 * 1024

/** Where the server's words go, and how to read the last of them. */
export interface ServerLog {
  /** For spawn's `stdio`: a file descriptor, or 'pipe'. */
  stdio: number | 'pipe'
  /** Called once with the output of the started server. */
  attach(output: Readable | null): void
  /** What the server has said since it was started, at most the last 16 KiB. */
  tail(): Promise<string>
  close(): void
}

/**
 * A file that the server writes itself: it outlives this process, and a paused parent cannot block a server that waits
 * for a full pipe. One earlier file is kept when it has grown over 10 MiB.
 */
export async function fileLog(home: string): Promise<ServerLog> {
  const path = join(home, 'postgresql.log')
  if ((await exists(path)) && (await stat(path)).size > maxBytes) await rename(path, `${path}.1`)
  const descriptor = openSync(path, 'a', 0o600)
  const start = (await stat(path)).size
  return {
    stdio: descriptor,
    attach: () => undefined,
    tail: () => readTail(path, start),
    close: () => closeSync(descriptor),
  }
}

/** Hands every line to a callback. */
export function callbackLog(log: (line: string) => void): ServerLog {
  let said = ''
  let partial = ''
  return {
    stdio: 'pipe',
    attach(output) {
      output?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-tailBytes)
        const lines = (partial + text).split('\n')
        partial = lines.pop() ?? ''
        for (const line of lines) log(line)
      })
    },
    tail: async () => said,
    close: () => undefined,
  }
}

async function readTail(path: string, start: number): Promise<string> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const from = Math.max(start, size - tailBytes)
    const buffer = Buffer.alloc(size - from)
    await file.read(buffer, 0, buffer.length, from)
    return buffer.toString()
  } finally {
    await file.close()
  }
}
