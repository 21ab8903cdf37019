import { every } from '@rekey/service'
import type { Logger } from 'pino'
import type { IdpError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import type { Oidc } from '../open.ts'
import { forgetLogouts, giveUpOldLogouts, type Logout, returnLogouts, takeLogouts } from './queue.ts'

const everyMs = 1_000
/** As many as one host is called at once (`outbound/rules.ts`): whoever waits for a place there loses time for the call. */
const mostCalls = 4
const mostAttempts = 6
/** A client that could not be told is left alone for so long, and one logout for longer each time. */
const restMs = 2_000

type Telling = Pick<Instance, 'connection' | 'clock' | 'metrics' | 'view'>
type Outcome = 'told' | 'retried' | 'failed' | 'gone'

/**
 * Tells clients that sessions have ended which a user did not leave himself (OpenID Connect Back-Channel Logout 1.0): an incident
 * ended them, an operator, a new password. The provider itself tells of those that he left; what it could not tell is tried again here.
 * Nobody waits for it. What cannot be told is tried a few times, for ten minutes at most;
 * any instance goes on with it.
 *
 * @returns ends it
 */
export function tellLogouts(instance: Telling, oidc: Oidc, log: Logger): () => Promise<void> {
  const { clock, metrics, view } = instance
  const { db } = instance.connection
  const restingUntil = new Map<string, number>()
  let isClosing = false

  const count = (outcome: Outcome, by = 1) => metrics.backchannelLogouts.inc({ outcome }, by)

  async function tellDue(): Promise<void> {
    if (!view.held()) return
    for (const [clientId, most] of await giveUpOldLogouts(db)) {
      count('failed', most)
      log.warn({ clientId, logouts: most }, 'a client could not be told of logouts')
    }
    for (;;) {
      const due = await takeLogouts(db, resting())
      if (due.length === 0 || isClosing) return
      const byClient = Object.values(Object.groupBy(due, ({ clientId }) => `client ${clientId}`))
      await Promise.all(byClient.map((logouts) => tellClient(logouts ?? [])))
    }
  }

  function resting(): string[] {
    for (const [clientId, until] of restingUntil) if (until <= clock()) restingUntil.delete(clientId)
    return [...restingUntil.keys()]
  }

  async function tellClient(logouts: readonly Logout[]): Promise<void> {
    for (let n = 0; n < logouts.length; n += mostCalls) {
      const { clientId = '' } = logouts[0] ?? {}
      if (isClosing || restingUntil.has(clientId)) {
        return returnLogouts(db, logouts.slice(n), { wereTried: false, afterMs: 0 })
      }
      await Promise.all(logouts.slice(n, n + mostCalls).map(tell))
    }
  }

  async function tell(logout: Logout): Promise<void> {
    const { clientId, accountId, sid } = logout
    try {
      const client = (await oidc.current().Client.find(clientId)) as TellableClient | undefined
      if (client?.backchannelLogoutUri) await client.backchannelLogout(accountId, sid)
      await forgetLogouts(db, [logout])
      count(client?.backchannelLogoutUri ? 'told' : 'gone')
    } catch (error) {
      await notTold(logout, error)
    }
  }

  async function notTold(logout: Logout, error: unknown): Promise<void> {
    const { clientId, attempts } = logout
    const { code, facts, response } = error as Partial<IdpError> & { response?: Response }
    // Not the text: it repeats what the client's server answered.
    const line = { clientId, code, ...facts, status: response?.status }
    restingUntil.set(clientId, clock() + restMs)
    if (code !== 'OUTBOUND_REFUSED' && attempts < mostAttempts) {
      count('retried')
      log.info(line, 'a client could not be told of a logout yet')
      return returnLogouts(db, [logout], { wereTried: true, afterMs: restMs * 2 ** attempts })
    }
    count('failed')
    log.warn(line, 'a client could not be told of a logout')
    await forgetLogouts(db, [logout])
  }

  const stop = every(everyMs, tellDue, (error) => log.error({ err: error }, 'logouts could not be told'))
  return async () => {
    isClosing = true
    await stop()
  }
}

/** Its types leave this out. */
interface TellableClient {
  backchannelLogoutUri?: string
  backchannelLogout(sub: string, sid: string): Promise<void>
}
