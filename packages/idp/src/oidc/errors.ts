import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Logger } from 'pino'
import type { Instance } from '../instance.ts'
import { addLogout } from './back-channel/queue.ts'
import { asOutage } from './outage.ts'
import { Unavailable } from './unavailable.ts'

/** The provider tells of each thing that it refuses by one of these. */
const refusals = [
  'authorization.error',
  'end_session.error',
  'end_session_confirm.error',
  'end_session_success.error',
  'grant.error',
  'pushed_authorization_request.error',
  'userinfo.error',
] as const

/** Logs and counts what the provider refuses, and answers what goes wrong in it as every other endpoint of OAuth does. */
export function watchErrors(
  provider: Provider,
  { metrics, connection }: Pick<Instance, 'metrics' | 'connection'>,
  log: Logger,
): void {
  const failed = (err: unknown) => log.error({ err }, 'the OpenID provider failed')
  const refused = (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
    metrics.refusals.inc({ code: error.error })
    const { method, status } = ctx
    // Neither what the error says in detail nor the address: they may repeat what the caller sent.
    const line = { method, route: ctx.oidc.route, status, code: error.error }
    log[status >= 500 ? 'warn' : 'info'](line, 'request refused')
  }
  const on = provider.on.bind(provider) as (event: string, listener: (...told: never[]) => void) => void
  for (const name of refusals) on(name, refused)
  on('server_error', (_ctx: unknown, error: Error) => failed(error))
  // Without this one Koa writes to the console.
  on('error', failed)
  const notTold = (
    _ctx: unknown,
    { code }: { code?: string },
    { clientId }: { clientId: string },
    accountId: string,
    sid: string,
  ) => {
    const isFinal = code === 'OUTBOUND_REFUSED'
    metrics.backchannelLogouts.inc({ outcome: isFinal ? 'failed' : 'retried' })
    log.warn({ clientId, code }, 'a client could not be told of a logout')
    if (!isFinal) addLogout(connection.db, { clientId, accountId, sid }).catch(failed)
  }
  on('backchannel.error', notTold)
  on('backchannel.success', () => metrics.backchannelLogouts.inc({ outcome: 'told' }))
  on('access_token.issued', () => metrics.tokens.inc({ form: 'jwt' }))
  on('access_token.saved', () => metrics.tokens.inc({ form: 'opaque' }))
  provider.use(answerFailures(failed))
}

/** What is saved at the very end of a request is beyond the provider's own handlers. */
function answerFailures(failed: (error: unknown) => void): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      const isOutage = asOutage(error) instanceof Unavailable
      if (!isOutage) failed(error)
      ctx.status = isOutage ? 503 : 500
      ctx.body = { error: isOutage ? 'temporarily_unavailable' : 'server_error' }
    }
    if (ctx.status === 503) ctx.set('retry-after', '1')
  }
}
