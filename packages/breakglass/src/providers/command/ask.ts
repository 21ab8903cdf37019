import type { z } from 'zod'
import type { CommandConfig, CommandName } from './config.ts'
import { failed, type Run, runCommand } from './run.ts'

export type Circumstances = Pick<Run, 'env' | 'signal' | 'onText'>

/** Runs one of the commands that are given, and holds its answer against what such a command answers. */
export type Ask = <Reply extends z.ZodType>(
  name: CommandName,
  document: object,
  reply: Reply,
) => Promise<z.output<Reply>>

/** @throws BreakGlassError as `runCommand`; `COMMAND_FAILED` for an answer that is none */
export function asking(config: CommandConfig, circumstances: Circumstances): Ask {
  return async (name, document, reply) => {
    const command = config.commands[name]
    if (!command) throw new TypeError(`there is no command ${name}`)
    const run = { name, command, home: config.home, ...circumstances }
    const text = await runCommand(run, { command: name, issuer: config.issuer, ...document })
    const parsed = reply.safeParse(parse(run, text))
    if (parsed.success) return parsed.data
    throw failed(run, `answered what is no such reply: ${whereOf(parsed.error)}`)
  }
}

// What was answered instead is never repeated: it may be a token, or the key itself.
function parse(run: Run, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw failed(run, text.trim() === '' ? 'answered nothing' : 'answered what is no JSON document')
  }
}

function whereOf({ issues }: { issues: readonly z.core.$ZodIssue[] }): string {
  return issues.slice(0, 3).map(sentenceOf).join('; ')
}

// Of a union the last member is what was hoped for, and tells best what is missing.
function sentenceOf(issue: z.core.$ZodIssue): string {
  const hoped = issue.code === 'invalid_union' ? issue.errors.at(-1) : undefined
  if (hoped) return whereOf({ issues: hoped })
  return `${issue.path.join('.') || 'the document'}: ${issue.message}`
}
