import { constants, createReadStream } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Verdict } from '@rekey/database/offline'
import { unreadable } from '../../given-file.ts'

/** What an export has to fit: the key that signed, checkpoints that were kept elsewhere, another export. */
export interface Known {
  signer?: string
  checkpoints?: string
  against?: string
}

/**
 * Verifies an export. Neither an estate nor a database is needed.
 *
 * @throws CliError `WRONG_USE` when one of the files cannot be read
 */
export async function verifyFile(file: string, known: Known, folder: string): Promise<Verdict> {
  const paths = { file: resolve(folder, file), ...resolved(known, folder) }
  for (const path of Object.values(paths)) await checkReadable(path)
  // Loaded here alone: no other command needs it, and this one nothing else.
  const { verifyExport } = await import('@rekey/database/offline')
  return await verifyExport(createReadStream(paths.file), {
    ...(known.signer === undefined ? {} : { signer: known.signer }),
    ...(paths.checkpoints === undefined ? {} : { checkpoints: await readFile(paths.checkpoints, 'utf8') }),
    ...(paths.against === undefined ? {} : { against: createReadStream(paths.against) }),
  })
}

function resolved({ checkpoints, against }: Known, folder: string): { checkpoints?: string; against?: string } {
  return {
    ...(checkpoints === undefined ? {} : { checkpoints: resolve(folder, checkpoints) }),
    ...(against === undefined ? {} : { against: resolve(folder, against) }),
  }
}

// A pipe is as good as a file: what is packed need not be unpacked first.
async function checkReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK)
    if ((await stat(path)).isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
  } catch (cause) {
    throw unreadable(path, cause)
  }
}
