/** Arguments and options that several commands have. */
import { parseDuration } from '@rekey/keyring'
import { Argument, InvalidArgumentError, Option } from 'commander'
import type { Clock } from '../clock.ts'

/** AGENT: its id, or its name if no other has it. */
export function agentArgument(): Argument {
  return new Argument('<agent>', 'id of the agent, or its name if no other has it')
}

/** CREDENTIAL: an id. */
export function credentialArgument(): Argument {
  return new Argument('<credential>', 'id of the credential, as "rekey credential list" shows it').argParser(idPart)
}

/** ACCOUNT: its id or its username. */
export function accountArgument(): Argument {
  return new Argument('<account>', 'id of the account, or its username')
}

/** WEBHOOK: an id. */
export function webhookArgument(): Argument {
  return new Argument('<webhook>', 'id of the webhook, as "rekey webhook list" shows it').argParser(idPart)
}

/** CLIENT: the id of a client that registered. */
export function clientArgument(): Argument {
  return new Argument('<client>', 'client_id, as "rekey dcr client list" shows it').argParser(clientId)
}

/** `--signer`: the SHA-256 of a public key, as "rekey audit verify" prints it. */
export function signerOption(): Option {
  return new Option('--signer <fingerprint>', 'the key that checkpoints have to be signed by').argParser(fingerprint)
}

/** `--limit`: how many entries of a list, 50 if it is not said. */
export function limitOption(): Option {
  return new Option('--limit <number>', 'at most so many').argParser(wholeNumber).default(50)
}

/** The line below a list that goes on; none when it does not. */
export function moreHint(nextCursor: string | null, limit: number): string[] {
  return nextCursor === null ? [] : [`  and more: these are ${limit}; --limit asks for more of them`]
}

/** Of an option that may be given several times. */
export function repeated(text: string, before: string[] = []): string[] {
  return [...before, text]
}

/** A time as it stands in an option: with its zone, or a day, which begins in UTC. As the API takes it. */
export function moment(text: string): string {
  if (isTime.test(text) && !Number.isNaN(Date.parse(text))) return new Date(text).toISOString()
  throw new InvalidArgumentError('Write a time as 2027-03-31T12:00:00Z, or a day as 2027-03-31.')
}

/** A time, or how long ago it was. */
export function momentOrAgo(now: Clock): (text: string) => string {
  return (text) => (isSpan.test(text) ? new Date(now() - spanOf(text)).toISOString() : moment(text))
}

/** A span as it stands in an option, as the API takes it: `24h`. */
export function duration(text: string): string {
  spanOf(text)
  return text
}

/** A span as it stands in an option, in whole seconds. */
export function seconds(text: string): number {
  const spanMs = spanOf(text)
  if (spanMs >= 1000) return Math.floor(spanMs / 1000)
  throw new InvalidArgumentError('It has to be a second at least.')
}

/** Without the members that nobody gave. */
export function defined<T extends object>(members: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const given = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as { [Key in keyof T]: Exclude<T[Key], undefined> }
}

const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/
const isSpan = /^\d+(ms|s|m|h|d)$/

function spanOf(text: string): number {
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new InvalidArgumentError((cause as Error).message)
  }
}

// It becomes a part of a path: ".." would be another one.
export function idPart(text: string): string {
  if (/^[\w-]{1,100}$/.test(text)) return text
  throw new InvalidArgumentError('It is no id.')
}

/** What a client may be registered as. */
export function clientId(text: string): string {
  if (/^(?!\.{1,2}$)[\w.~-]{1,100}$/.test(text)) return text
  throw new InvalidArgumentError('It is no client_id.')
}

/** An id that becomes a part of a path, and of a file's name. */
export function namePart(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text
  const allowed = 'letters, digits, dots, hyphens and underscores'
  throw new InvalidArgumentError(`It has to begin with a letter or digit, and have up to 64 ${allowed}.`)
}

export function fingerprint(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase()
  throw new InvalidArgumentError('A fingerprint has 64 hexadecimal digits.')
}

export function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It has to be a whole number above 0.')
}
