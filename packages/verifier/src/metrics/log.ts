import type { DenyEntry } from '../deny/entry.ts'
import type { TrustEvents } from '../trust/source.ts'

/** The part of a verifier that is listened to. */
export interface TrustAnnouncer {
  readonly issuer: string | null
  on<K extends keyof TrustEvents>(event: K, listener: (...facts: TrustEvents[K]) => void): unknown
}

interface SeveralAnnouncers {
  readonly verifiers: readonly TrustAnnouncer[]
}

/** A verifier, `severalIssuers(...)`, or a list of either. */
export type TrustAnnouncers = TrustAnnouncer | SeveralAnnouncers | readonly TrustAnnouncers[]

/** A logger that takes facts and a message, as pino does; `console` will do. */
export interface TrustLogger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

function each(verifiers: TrustAnnouncers): readonly TrustAnnouncer[] {
  if (Array.isArray(verifiers)) return verifiers.flatMap(each)
  const one = verifiers as Partial<SeveralAnnouncers & TrustAnnouncer> | undefined
  return one?.verifiers ?? [one as TrustAnnouncer]
}

const LONGEST = 200
const MOST_CAUSES = 4

/** Text from elsewhere, for a log: one line, no character that moves the cursor or turns the reading direction. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '').slice(0, LONGEST)
}

/**
 * What an error says of itself. A SyntaxError quotes the text it could not parse, which may be a file of secrets; and
 * an address may carry credentials. Several attempts to connect fail with an empty message and a code.
 */
function saidBy(error: Error): string {
  if (error instanceof SyntaxError) return error.name
  const { code } = error as { code?: unknown }
  const text = error.message || (typeof code === 'string' ? code : error.name)
  return plain(text.replace(/\/\/[^/\s]*@/g, '//').replace(/\?\S*/g, '?'))
}

/** `fetch failed` alone says little: its own cause has the address and the reason. */
function causeOf(error: Error): { cause?: string } {
  const said: string[] = []
  let { cause } = error
  while (cause instanceof Error && said.length < MOST_CAUSES) {
    said.push(saidBy(cause))
    cause = cause.cause
  }
  return said.length === 0 ? {} : { cause: said.join(': ') }
}

/** Not whom: subjects may be people, and the list itself has them. Keys are named. */
function countOf(entries: readonly DenyEntry[]): object {
  return { entries: entries.length, kids: entries.flatMap((entry) => ('kid' in entry ? [plain(entry.kid)] : [])) }
}

function logOne(verifier: TrustAnnouncer, logger: TrustLogger): void {
  const of = (facts: object) => ({ issuer: verifier.issuer, ...facts })
  const key = (kid: string) => of({ kid: plain(kid) })
  verifier.on('bootstrapped', ({ issuer, kids, revision }) => {
    logger.info({ issuer, kids: kids.map(plain), revision }, 'JWKS bootstrap: trust held')
  })
  verifier.on('keyAdded', (kid) => logger.info(key(kid), 'key added'))
  verifier.on('keyRemoved', (kid) => logger.info(key(kid), 'key removed'))
  verifier.on('keyRevoked', (kid) => logger.warn(key(kid), 'key revoked'))
  verifier.on('leaseLost', () => logger.error(of({}), 'trust lease lost: nobody vouches for the keys any more'))
  verifier.on('leaseRegained', () => logger.info(of({}), 'trust lease regained'))
  verifier.on('refreshed', ({ revision, kids, added, removed, revoked }) => {
    const [all, news, gone, dead] = [kids, added, removed, revoked].map((some) => some.map(plain))
    logger.info(of({ revision, kids: all, added: news, removed: gone, revoked: dead }), 'refreshed on request')
  })
  verifier.on('denied', (entries) => logger.warn(of(countOf(entries)), 'denied on request'))
  verifier.on('allowed', (entries) => logger.warn(of(countOf(entries)), 'denials taken back on request'))
  verifier.on('problem', (error) => {
    const { code, message } = error
    logger.warn(of({ code, message: plain(message), ...causeOf(error) }), 'trust problem')
  })
}

function assertLoggable(verifiers: readonly TrustAnnouncer[], logger: TrustLogger): void {
  if (verifiers.length === 0 || !verifiers.every((one) => typeof one?.on === 'function')) {
    throw new TypeError('logTrust needs a verifier, or a list of them')
  }
  const levels = [logger?.info, logger?.warn, logger?.error]
  if (!levels.every((log) => typeof log === 'function')) {
    throw new TypeError('logTrust needs a logger with info, warn and error, such as pino or console')
  }
}

/**
 * Logs what becomes of the trust of a verifier, or of several, one line for each event, from the start-up line with the
 * key ids to the loss of a lease. That the issuer was asked is not logged: it happens all the time, and the metrics count
 * it. Call it before `start()`. Key ids and messages are cut at 200 characters and freed of control characters.
 * @throws {TypeError} without a verifier or a logger
 */
export function logTrust(verifiers: TrustAnnouncers, logger: TrustLogger): void {
  const all = each(verifiers)
  assertLoggable(all, logger)
  for (const one of all) logOne(one, logger)
}
