import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { BreakGlassError } from '../../error.ts'
import { type CommandConfig, commandFile } from './config.ts'

const writableByOthers = 0o022

/**
 * Reads the file of an operator's commands. `folder` is where incidents are kept when the file does not say.
 *
 * @throws BreakGlassError `FILE_FAILED` when it cannot be read or others may write it, `PLAN_INVALID` for what is no such file;
 *   `facts.path` says where
 */
export async function readCommandFile(file: string, folder: string): Promise<CommandConfig> {
  const path = resolve(file)
  const parsed = commandFile.safeParse(parse(path, await readOwn(path)))
  if (!parsed.success) throw malformed(path, parsed.error)
  const home = dirname(path)
  return { ...parsed.data, home, folder: resolve(home, parsed.data.folder ?? folder) }
}

// Whoever may write this file runs what he likes as the operator, in the moment in which nobody looks closely.
async function readOwn(path: string): Promise<string> {
  const { mode, text } = await read(path).catch((cause: NodeJS.ErrnoException) => {
    throw new BreakGlassError('FILE_FAILED', `${path} cannot be read: ${cause.code}`, { code: cause.code }, { cause })
  })
  if (mode & writableByOthers) {
    throw new BreakGlassError('FILE_FAILED', `${path} may be written by others: chmod go-w ${path}`)
  }
  return text
}

// Mode and text are of one file, whatever is moved to that path meanwhile.
async function read(path: string): Promise<{ mode: number; text: string }> {
  const file = await open(path)
  try {
    return { mode: (await file.stat()).mode, text: await file.readFile('utf8') }
  } finally {
    await file.close()
  }
}

// The parser's message quotes the text, in which somebody may have put a secret against all advice.
function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new BreakGlassError('PLAN_INVALID', `${path} is no JSON`, { path: [] })
  }
}

function malformed(path: string, { issues }: z.ZodError): BreakGlassError {
  const where = issues.map((issue) => `${issue.path.join('.') || 'the document'}: ${issue.message}`)
  return new BreakGlassError('PLAN_INVALID', `${path}: ${where.join('; ')}`, { path: issues[0]?.path ?? [] })
}
