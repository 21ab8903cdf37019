import type { TrustEvents } from '../trust/source.ts'

/** The part of a verifier that is listened to. */
export interface TrustAnnouncer {
  readonly issuer: string | null
  on<K extends keyof TrustEvents>(event: K, listener: (...facts: TrustEvents[K]) => void): unknown
}

/** A logger that takes facts and a message, as pino does; `console` will do. */
export interface TrustLogger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
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

/**
 * Logs what becomes of a verifier's trust, one line for each event, from the start-up line with the key ids to the loss
 * of a lease. That the issuer was asked is not logged: it happens all the time, and the metrics count it. Call it before
 * `start()`. Key ids and messages are cut at 200 characters and freed of control characters.
 */
export function logTrust(verifier: TrustAnnouncer, logger: TrustLogger): void {
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
  verifier.on('problem', (error) => {
    const { code, message } = error
    logger.warn(of({ code, message: plain(message), ...causeOf(error) }), 'trust problem')
  })
}
