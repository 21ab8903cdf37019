import { open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { exportChain } from '../../client/audit.ts'
import { CliError } from '../../error.ts'
import { print, type Shell } from '../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../command.ts'

/** `rekey audit export [FILE]`: the whole chain with its signed checkpoint, to be verified anywhere. */
export function exportCommand(shell: Shell): Command {
  return newCommand('export', 'write the whole chain and its signed checkpoint, to be verified anywhere')
    .argument('[file]', 'a file that does not exist yet; without it, on stdout')
    .action(async (file: string | undefined, _options: object, command: Command) => {
      const asJson = wantsJson(command)
      if (file !== undefined) return print(shell, asJson, await exportTo(resolve(shell.folder, file), shell))
      if (asJson) throw new CliError('WRONG_USE', '--json needs a FILE: an export is more than one document')
      await pipeline(await exportChain(managementOf(shell)), shell.stdout, { end: false })
    })
}

/** Whole or not at all, and never in place of what is there: it may be the evidence of another day. */
async function exportTo(path: string, shell: Shell) {
  const client = managementOf(shell)
  const file = await newFile(path)
  try {
    const lines = countLines(await exportChain(client))
    await pipeline(lines.counted, file.createWriteStream({ flush: true }))
    // The last line is the checkpoint.
    const events = lines.count() - 1
    const text = `${events} events are in ${path}. Verify them on any machine: rekey audit verify ${path}`
    return { json: { file: path, events }, text }
  } catch (cause) {
    await file.close()
    await rm(path)
    throw cause
  }
}

async function newFile(path: string) {
  try {
    return await open(path, 'wx', 0o600)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'exists already; say the name of a new file' : `cannot be written (${code})`
    throw new CliError('WRONG_USE', `${path} ${why}`, { path }, { cause })
  }
}

function countLines(chunks: AsyncIterable<Uint8Array>) {
  const newline = 0x0a
  let lines = 0
  async function* counted() {
    for await (const chunk of chunks) {
      for (const byte of chunk) if (byte === newline) lines += 1
      yield chunk
    }
  }
  return { counted: counted(), count: () => lines }
}
