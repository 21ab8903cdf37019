/** Why a command did not do what it was asked for. Stable: printed with `--json` and mapped to the exit code. */
export type CliErrorCode =
  | 'WRONG_USE'
  | 'NO_ESTATE'
  | 'ESTATE_UNREADABLE'
  | 'ESTATE_RUNNING'
  | 'PORT_TAKEN'
  | 'START_FAILED'
  | 'ROOT_KEY_MISSING'
  /** What was revoked since a backup is remembered no more. */
  | 'BACKUP_OLD'
  | 'UNREACHABLE'
  | 'REFUSED'
  | 'FAILED'
  /** Requests under load failed; the command's own document has the causes. */
  | 'LOAD_FAILED'
  /** The record is not what it has to be; the command's own document tells where. */
  | 'NOT_VERIFIED'
  /** A compromised key is not shut out everywhere, that is not proved, or something is open; the document tells where. */
  | 'NOT_CONTAINED'

/** What every command ends with: 0 done, 1 failed, 2 wrong use, 3 not reachable, 4 refused by policy or freeze. */
export type ExitCode = 0 | 1 | 2 | 3 | 4

const exitCodes: Readonly<Partial<Record<CliErrorCode, ExitCode>>> = {
  WRONG_USE: 2,
  NO_ESTATE: 3,
  UNREACHABLE: 3,
  REFUSED: 4,
  BACKUP_OLD: 4,
}

/** An error for the person at the terminal. `facts` never hold a secret; a server's reply adds its own code and text. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: CliErrorCode, message: string, facts: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.facts = facts
  }
}

/** The exit code of any thrown thing: what is not ours is a failure. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof CliError ? (exitCodes[error.code] ?? 1) : 1
}

/** What `--json` prints for an error: a server's own code goes first, because scripts wait for that one. */
export function errorDocument(error: unknown): Record<string, unknown> {
  if (error instanceof CliError) return { code: error.code, message: error.message, ...error.facts }
  // Errors of our other packages and of the system have stable codes as well.
  const code = (error as { code?: unknown } | undefined)?.code
  return { code: typeof code === 'string' ? code : 'FAILED', message: messageOf(error) }
}

/** The text of anything that can be thrown, with the text of what caused it. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A failed connection to a name with several addresses is an AggregateError without a message of its own.
  const own = error.message || (error as NodeJS.ErrnoException).code || error.name
  if (error.cause === undefined) return own
  const behind = messageOf(error.cause)
  // Some tell their cause themselves.
  return own.includes(behind) ? own : `${own}: ${behind}`
}
