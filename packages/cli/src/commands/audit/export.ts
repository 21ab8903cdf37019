import { open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { exportChain, type NewestCheckpoint, readCheckpoint } from '../../client/audit.ts'
import { ifThere } from '../../client/if-there.ts'
import { type ManagementClient, type Of, optionOf } from '../../client/management.ts'
import { CliError } from '../../error.ts'
import { print, type Shell } from '../../shell.ts'
import { counted } from '../../terminal/counted.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'

/** `rekey audit export [FILE]`: the whole chain with its signed checkpoint, to be verified anywhere. */
export function exportCommand(shell: Shell): Command {
  return newCommand(
    'export',
    'write the whole chain and its signed checkpoint, to be verified anywhere; exit 1 if the chain is broken',
  )
    .argument('[file]', 'a file that does not exist yet; without it, on stdout')
    .addOption(insteadOption())
    .action(async (file: string | undefined, { bff }: Instead, command: Command) => {
      const asJson = wantsJson(command)
      if (asJson && file === undefined) {
        throw new CliError('WRONG_USE', '--json needs a FILE: an export is more than one document')
      }
      const { of, around } = chosen(bff, shell)
      const from = { client: managementOf(around), of }
      if (file !== undefined) return await exportTo(resolve(shell.folder, file), from, shell, asJson)
      const before = await newest(from)
      const lines = countLines(await exportChain(from.client, of))
      await pipeline(lines.counted, shell.stdout, { end: false })
      requireWhole(lines.events(), before, of)
    })
}

/** Whose audit is exported. */
interface Source {
  client: ManagementClient
  of: Of
}

const newest = ({ client, of }: Source) => ifThere(readCheckpoint(client, of))

/** Whole or not at all, and never in place of what is there: it may be the evidence of another day. */
async function exportTo(path: string, from: Source, shell: Shell, asJson: boolean): Promise<void> {
  const file = await newFile(path)
  let events: number
  let before: NewestCheckpoint | undefined
  try {
    before = await newest(from)
    const lines = countLines(await exportChain(from.client, from.of))
    await pipeline(lines.counted, file.createWriteStream({ flush: true }))
    events = lines.events()
  } catch (cause) {
    await file.close()
    await rm(path)
    throw cause
  }
  const later = Math.max(0, (before?.chained ?? 0) - events)
  const note = later > 0 ? ` It ends before the last ${later}, which no checkpoint covers.` : ''
  const text = `${counted(events, 'event is', 'events are')} in ${path}.${note} Verify ${events === 1 ? 'it' : 'them'} on any machine: rekey audit verify ${shellWord(path)}`
  print(shell, asJson, { json: { file: path, events, ...integrityOf(before) }, text })
  requireWhole(events, before, from.of)
}

function integrityOf(before: NewestCheckpoint | undefined) {
  return before?.integrity === undefined ? {} : { chained: before.chained, integrity: before.integrity }
}

/**
 * An export ends with the last checkpoint and is verified up to there. A chain that was broken is signed no more: what
 * happened since would be missing without a word.
 */
function requireWhole(events: number, before: NewestCheckpoint | undefined, of: Of): void {
  if (before === undefined || (before.integrity !== false && events >= before.size)) return
  const size = Math.max(before.size, before.chained ?? 0)
  const message = `the audit is not whole: the export has ${events} of ${size} events; "rekey audit verify${optionOf(of)}" tells what is wrong`
  throw new CliError('NOT_VERIFIED', message)
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
  // The last line is the checkpoint.
  return { counted: counted(), events: () => lines - 1 }
}
