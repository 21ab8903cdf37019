import type { Registered, RegistrationError, RegistrationErrorCode } from '@rekey/registration'
import { CliError, type CliErrorCode } from '../error.ts'
import { type Shell, tell } from '../shell.ts'

/** What else went wrong is a failure. */
const codes: Readonly<Partial<Record<RegistrationErrorCode, CliErrorCode>>> = {
  CONFIG_INVALID: 'WRONG_USE',
  IDP_UNREACHABLE: 'UNREACHABLE',
  METADATA_REFUSED: 'REFUSED',
  TOO_MANY_KEYS: 'REFUSED',
  IDP_REFUSED: 'REFUSED',
  FROZEN: 'REFUSED',
}

/**
 * Registers the client that the environment describes, or keeps its registration as it has to be.
 *
 * @throws CliError with the library's own code in `facts`
 */
export async function bootstrap(env: Shell['env'], shell: Shell): Promise<Registered> {
  // Loaded here alone: no other command needs it.
  const { ensureRegistered, optionsFromEnvironment, RegistrationError } = await import('@rekey/registration')
  const { fetch, now } = shell
  const log = (level: string, line: string) => tell(shell, level === 'info' ? line : `${level}: ${line}`)
  try {
    return await ensureRegistered(optionsFromEnvironment(env), { fetch, now, log })
  } catch (error) {
    if (error instanceof RegistrationError) throw asCliError(error)
    throw error
  }
}

/** An error of the library as one of a command. */
export function asCliError(error: RegistrationError): CliError {
  return new CliError(codes[error.code] ?? 'FAILED', error.message, { code: error.code })
}

/** What `--json` prints. */
export function documentOf(registered: Registered): Record<string, unknown> {
  if ('clientId' in registered) return { ...registered, jwks: registered.jwks() }
  const { outcome, reason } = registered
  return { outcome, reason, ...('error' in registered && { code: registered.error.code }) }
}

const done = {
  registered: 'is registered, and signs by the key',
  unchanged: 'is registered, and goes on signing by the key',
  rotated: 'signs by a new key from now on:',
  updated: 'has its registration changed, and signs by the key',
} as const

/** One line for people; none where the log has said it all. */
export function summaryOf(registered: Registered): string {
  return 'clientId' in registered ? `${registered.clientId} ${done[registered.outcome]} ${registered.kid}.` : ''
}
