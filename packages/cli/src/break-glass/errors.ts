import { BreakGlassError, type BreakGlassErrorCode } from '@rekey/breakglass'
import { CliError, type CliErrorCode } from '../error.ts'
import { type Told, withCommandsNamed } from './commands-named.ts'

const kinds: Readonly<Partial<Record<BreakGlassErrorCode, CliErrorCode>>> = {
  PLAN_INVALID: 'WRONG_USE',
  FALSE_REMEDY: 'REFUSED',
  SELF_LOCK: 'REFUSED',
  ROOT_KEY_NOT_REPLACED: 'REFUSED',
  INCIDENT_DIFFERS: 'REFUSED',
  INCIDENT_CLAIMED: 'REFUSED',
  PROVIDER_UNREACHABLE: 'UNREACHABLE',
}

/** The IdP's own word for what it refuses by a rule, and not because something is broken. */
const refusedByRule: ReadonlySet<unknown> = new Set([403, 409, 422, 423, 429])

/** After these the incident stands as it is, and somebody has to go on with it. */
const unfinished: ReadonlySet<BreakGlassErrorCode> = new Set([
  'INCIDENT_CLAIMED',
  'PROVIDER_UNREACHABLE',
  'PROVIDER_REFUSED',
  'COMMAND_FAILED',
  'FILE_FAILED',
  'INTERRUPTED',
])

/** What the commands have to say that an error names as the way on. */
export interface WayOn extends Told {
  /** The incident, once it is known that there is one to go on with. */
  resumed?: () => string | undefined
}

/**
 * Does something with an incident; what the procedure refuses becomes an error of the command line.
 *
 * @throws CliError
 */
export async function told<T>(act: () => Promise<T>, way: WayOn = {}): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw error instanceof BreakGlassError ? cliErrorOf(error, way) : error
  }
}

const resumeWords = 'rekey break-glass resume'

function cliErrorOf(error: BreakGlassError, { resumed, ...same }: WayOn): CliError {
  const { code } = error
  const incident = resumed?.()
  const mayGoOn = incident !== undefined && unfinished.has(code) && !error.message.includes(resumeWords)
  const message = mayGoOn ? `${error.message}; go on with: ${resumeWords} ${incident}` : error.message
  const facts = { code, ...error.facts, ...(incident === undefined ? {} : { incident }) }
  // Whoever is not reached is told of with the reason: what is behind it says the same in other words.
  const options = code === 'PROVIDER_UNREACHABLE' ? {} : { cause: error.cause }
  return new CliError(kindOf(error), withCommandsNamed(message, same), facts, options)
}

function kindOf({ code, facts }: BreakGlassError): CliErrorCode {
  if (code === 'PROVIDER_REFUSED') return refusedByRule.has(facts.status) ? 'REFUSED' : 'FAILED'
  return kinds[code] ?? 'FAILED'
}
