import { format } from 'node:util'
import { hideLeftOver } from './line.ts'
import { REDACTED } from './names.ts'
import type { Policy } from './policy.ts'
import { hideInText } from './text.ts'
import { hideInValue } from './value.ts'

type LogArguments = unknown[]
type LogMethod = (this: unknown, ...args: LogArguments) => void

/** Serializers for the members that carry requests, answers and errors. */
export type Serializers = Readonly<Record<'req' | 'res' | 'err', (value: unknown) => unknown>>

/** The options of pino that `pinoRedaction` sets. Written out here so that this package needs no pino. */
export interface PinoRedaction {
  readonly serializers: Serializers
  readonly formatters: { log(members: Record<string, unknown>): Record<string, unknown> }
  readonly hooks: {
    logMethod(this: unknown, args: LogArguments, method: LogMethod, level: number): void
    streamWrite(line: string): string
  }
}

export function serializersBy(policy: Policy): Serializers {
  const redact = (value: unknown) => hideInValue(value, policy)
  return { req: redact, res: redact, err: redact }
}

export function pinoRedactionBy(policy: Policy): PinoRedaction {
  return {
    serializers: serializersBy(policy),
    formatters: { log: (members) => hideInValue(members, policy) as Record<string, unknown> },
    hooks: {
      logMethod(args, method, _level) {
        method.apply(this, safely(policy, args))
      },
      // Bindings of a child logger become text when the child is made, past every hook: the finished line is the only
      // place to catch them.
      streamWrite: (line) => hideLeftOver(line, policy),
    },
  }
}

/** What cannot be looked at (a proxy, a getter that throws) is not shown, rather than a line lost. */
function safely(policy: Policy, args: LogArguments): LogArguments {
  try {
    return argumentsBy(policy, args)
  } catch {
    // The error may quote what could not be read.
    return ['<unreadable>']
  }
}

function argumentsBy(policy: Policy, args: LogArguments): LogArguments {
  const [first, ...rest] = args
  if (typeof first === 'string') return [message(policy, first, rest)]
  // The object itself passes formatters.log. Only its message is made here, because pino would take the raw
  // one of the error when none is given.
  if (first instanceof Error) return [{ err: first }, message(policy, rest[0] ?? first.message, rest.slice(1))]
  if (typeof first !== 'object' || first === null) {
    return [hideInText(String(first ?? ''), policy), ...rest.map((value) => printable(policy, value))]
  }
  const text = rest[0] ?? messageOfError(first)
  return text === undefined ? [first] : [first, message(policy, text, rest.slice(1))]
}

// Formatted before it is redacted: `info('Bearer %s', token)` shows a token only once its parts are joined.
function message(policy: Policy, text: unknown, values: LogArguments): unknown {
  if (values.length === 0) return printable(policy, text)
  const template = typeof text === 'string' ? text : String(printable(policy, text))
  const secret = secretPlaces(policy, template)
  const shown = values.map((value, i) => (secret[i] ? REDACTED : printable(policy, value)))
  return hideInValue(format(template, ...shown), policy)
}

// `password=%s`: what is put there is secret as a whole, also what comes after a space or a quote in it.
function secretPlaces(policy: Policy, template: string): boolean[] {
  const places = [...template.matchAll(/%[sdifjoOc%]/g)].filter(([place]) => place !== '%%')
  return places.map(({ index }) => !hideInText(`${template.slice(0, index)}1`, policy).endsWith('1'))
}

function printable(policy: Policy, value: unknown): unknown {
  // For `%j`, which is JSON, a BigInt is an error.
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Error) return hideInText(value.stack ?? String(value), policy)
  const looked = typeof value === 'string' || (typeof value === 'object' && value !== null)
  return looked ? hideInValue(value, policy) : value
}

function messageOfError(members: object): unknown {
  const { err, msg } = members as { err?: { message?: unknown }; msg?: unknown }
  return msg === undefined ? err?.message : undefined
}
