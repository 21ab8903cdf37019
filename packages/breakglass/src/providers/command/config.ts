import { z } from 'zod'

/** The calls of the port that an operator's own command can serve, under the names that the file uses. */
export const commandNames = [
  'inspect',
  'freeze',
  'unfreeze',
  'probe',
  'publish',
  'promote',
  'revoke',
  'endSessions',
  'acknowledgements',
  'changes',
  'record',
] as const
export type CommandName = (typeof commandNames)[number]

const longestSeconds = 3_600
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable, never its value')

const text = z
  .string()
  .max(4_096)
  .refine((text) => !text.includes('\0'), 'text without NUL')
const command = z.strictObject({
  /** The program and its arguments. No shell sees them. A program with a slash is looked for from the file's folder. */
  run: z.tuple([text.min(1)], text),
  timeoutSeconds: z.number().positive().max(longestSeconds).default(60),
  /** The variables that it gets of ours, beside PATH. */
  env: z.array(variable).max(100).default([]),
})
export type Command = z.infer<typeof command>

const commands = z.strictObject({
  inspect: command,
  freeze: command.optional(),
  unfreeze: command.optional(),
  probe: command.optional(),
  publish: command.optional(),
  promote: command,
  revoke: command,
  endSessions: command.optional(),
  acknowledgements: command.optional(),
  changes: command.optional(),
  record: command.optional(),
} satisfies Record<CommandName, z.ZodType>)

/** The file of an operator's commands. It holds no secret: only names of variables. */
export const commandFile = z
  .strictObject({
    issuer: z.url({ protocol: /^https?$/ }),
    /** Where incidents are kept; a relative path is one from the file's folder. */
    folder: z.string().min(1).optional(),
    commands,
  })
  .refine(({ commands }) => !commands.freeze === !commands.unfreeze, {
    path: ['commands', 'unfreeze'],
    message: 'freeze and unfreeze are given both or neither: whoever freezes must be able to undo it',
  })

/** What an operator's commands are, with every path made absolute. */
export interface CommandConfig extends z.infer<typeof commandFile> {
  folder: string
  /** The folder that the file is in, which is where the commands run. */
  home: string
}
