import { format } from 'node:util'
import { redactText } from './text.ts'
import { redactValue } from './value.ts'

type LogArguments = unknown[]
type LogMethod = (this: unknown, ...args: LogArguments) => void

/** The options of pino that `pinoRedaction` sets. Written out here so that this package needs no pino. */
export interface PinoRedaction {
  readonly serializers: Record<'req' | 'res' | 'err', (value: unknown) => unknown>
  readonly formatters: { log(members: Record<string, unknown>): Record<string, unknown> }
  readonly hooks: {
    logMethod(this: unknown, args: LogArguments, method: LogMethod, level: number): void
    streamWrite(line: string): string
  }
}

/**
 * Options for pino with which everything that is logged passes through `redactValue` and `redactText`: merged objects,
 * messages with their arguments, errors and the messages that pino takes from them, what a mixin adds, and the bindings
 * of child loggers. Correlation ids stay. Use: `pino({ ...pinoRedaction(), level: 'info' })`.
 */
export function pinoRedaction(): PinoRedaction {
  return {
    serializers: { req: redactValue, res: redactValue, err: redactValue },
    formatters: { log: (members) => redactValue(members) as Record<string, unknown> },
    hooks: {
      logMethod(args, method, _level) {
        method.apply(this, redactArguments(args))
      },
      streamWrite: redactLine,
    },
  }
}

function redactArguments(args: LogArguments): LogArguments {
  const [first, ...rest] = args
  if (typeof first === 'string') return [message(first, rest)]
  // The object itself passes formatters.log. Only its message is made here, because pino would take the raw
  // one of the error when none is given.
  if (first instanceof Error) return [{ err: first }, message(rest[0] ?? first.message, rest.slice(1))]
  if (typeof first !== 'object' || first === null) return [redactText(String(first ?? '')), ...rest.map(printable)]
  const text = rest[0] ?? messageOfError(first)
  return text === undefined ? [first] : [first, message(text, rest.slice(1))]
}

// Formatted before it is redacted: `info('Bearer %s', token)` shows a token only once its parts are joined.
function message(text: unknown, values: LogArguments): string {
  if (values.length === 0) return redactText(String(printable(text)))
  return redactText(format(printable(text), ...values.map(printable)))
}

function printable(value: unknown): unknown {
  if (value instanceof Error) return redactText(value.stack ?? String(value))
  return typeof value === 'object' && value !== null ? redactValue(value) : value
}

function messageOfError(members: object): unknown {
  const { err, msg } = members as { err?: { message?: unknown }; msg?: unknown }
  return msg === undefined ? err?.message : undefined
}

// Bindings of a child logger become text when the child is made, past every hook: the finished line is the only
// place to catch them. Nearly every line passes this one test and is written as it is.
const LEFT_OVER = new RegExp(
  [
    '(?:passw(?:or)?d|passphrase|secret|token|assertion|key|cookie|authorization|pwd|otp|verifier)s?\\\\{0,3}["\']:(?!"<|null|true|false|"")',
    '(?:passw(?:or)?d|secret|token|key)=(?!<)',
    '"(?:d|p|q|dp|dq|qi|k|priv)":"(?!<)',
    'headers":',
    '[?&#;][^"=]{1,80}=(?!<redacted>)',
    'ey[JA][\\w-]{6,}\\.|(?:k_(?:live|test)|whsec|rkt)_(?!<)|PRIVATE KEY|LS0tLS1CRUdJTi',
    '(?:bearer|basic|dpop)(?: |%20)(?!<)',
    '://[^\\s:"]{0,256}:(?!<)[^\\s"]{1,512}@',
  ].join('|'),
  'i',
)

function redactLine(line: string): string {
  if (!LEFT_OVER.test(line)) return line
  try {
    return `${JSON.stringify(redactValue(JSON.parse(line)))}\n`
  } catch {
    // Not JSON after all (a transport's own format): then by shape alone.
    return redactText(line)
  }
}
