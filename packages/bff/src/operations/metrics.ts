import { commonMetrics } from '@rekey/service'
import { Counter, Gauge, type Registry } from 'prom-client'

/** The metrics of one instance. Names are stable: dashboards and alerts hang on them. */
export function newMetrics() {
  const made = counters()
  // What is told for the first time is no increase to Prometheus, whatever it is.
  for (const cause of ['malformed', 'unknown', 'tampered', 'ended', 'stale', 'forged'])
    made.sessionRefusals.inc({ cause }, 0)
  return made
}

function counters() {
  const common = commonMetrics()
  const registers = [common.registry]
  const counter = <const Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter<Label>({ name, help, labelNames, registers })
  return {
    ...common,
    idpRequests: counter('bff_idp_requests_total', 'Requests to identity providers, by endpoint and status', [
      'endpoint',
      'status',
    ]),
    idpReachable: reachable(registers),
    tokenExchanges: counter('bff_token_exchange_total', 'Requests for tokens, by grant and what came of them', [
      'grant_type',
      'status',
    ]),
    tokenValidations: counter('bff_token_validation_total', 'Tokens that were checked, by sort and what came of it', [
      'token_type',
      'status',
    ]),
    refreshSuccess: counter('bff_token_refresh_success_total', 'Sessions whose access token was refreshed'),
    refreshFailed: counter('bff_token_refresh_failed_total', 'Sessions whose access token could not be refreshed'),
    csrfViolations: counter('bff_csrf_violations_total', 'Requests refused for want of a good CSRF token', ['reason']),
    bindingFailures: counter(
      'bff_session_binding_failures_total',
      'Sessions presented by another network or browser than theirs',
      ['reason'],
    ),
    sessionRefusals: counter('bff_session_refusals_total', 'Session cookies that were of no use, by what was wrong', [
      'cause',
    ]),
    authzRequests: counter('bff_authz_requests_total', 'Decisions of the policy decision point', [
      'resource',
      'action',
      'decision',
    ]),
    jwksRefreshFailures: counter(
      'jwks_refresh_failures_total',
      'Key sets of identity providers that could not be read',
    ),
  }
}

function reachable(registers: Registry[]): Gauge {
  const gauge = new Gauge({
    name: 'bff_idp_reachable',
    help: 'Whether the identity provider answered the last request: 1, 0, or -1 where there was none yet',
    registers,
  })
  gauge.set(-1)
  return gauge
}

/** Those of one instance. */
export type Metrics = ReturnType<typeof newMetrics>
