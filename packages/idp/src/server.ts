import formbody from '@fastify/formbody'
import { type App, includesEverybody, maxBodyBytes, newApp, operationRoutes } from '@rekey/service'
import type { Logger } from 'pino'
import { accountRoutes } from './accounts/routes.ts'
import { agentRoutes } from './agents/routes.ts'
import { noteRefusal } from './audit/refusals.ts'
import { auditReadingRoutes } from './audit/routes.ts'
import { columnRoutes } from './columns/routes.ts'
import { credentialRoutes } from './credentials/routes.ts'
import { deniedRoutes } from './denied/routes.ts'
import { expiryRoutes } from './expiry/routes.ts'
import { refuseLateWhileFrozen } from './http/authorise.ts'
import { refusalOf, sendRefusal } from './http/errors.ts'
import { remedyRoutes } from './incidents/remedies/routes.ts'
import { incidentRoutes } from './incidents/routes.ts'
import type { Instance } from './instance.ts'
import { inventoryRoutes } from './inventory/routes.ts'
import { issuanceRoutes } from './issuance/routes.ts'
import { idpKeyringRoutes } from './keyrings/routes.ts'
import { tellLogouts } from './oidc/back-channel/tell.ts'
import { interactionRoutes } from './oidc/interaction/routes.ts'
import { openOidc } from './oidc/open.ts'
import { oidcRoutes } from './oidc/routes.ts'
import { documentApi } from './openapi/document.ts'
import { observe } from './operations/metrics.ts'
import { registrationRoutes } from './registration/routes.ts'
import { rootKeyRoutes } from './root-keys/routes.ts'
import { publicRoutes } from './signing/routes.ts'
import { tokenRoutes } from './tokens/routes.ts'
import { partyRoutes } from './trust/administration.ts'
import { trustRoutes } from './trust/routes.ts'
import { webhookRoutes } from './webhooks/routes.ts'

/** Builds the HTTP server of an instance. It does not listen yet. */
export async function buildServer(instance: Instance, log: Logger): Promise<App> {
  const { config, metrics, gathered } = instance
  const { trustedProxies } = config
  if (includesEverybody(trustedProxies)) log.warn('REKEY_TRUSTED_PROXIES believes everybody about where he calls from')
  const app = newApp({
    log,
    trustedProxies,
    canonicalUrl,
    refusalOf,
    refused(request, refusal) {
      metrics.refusals.inc({ code: refusal.code })
      noteRefusal(gathered, request, refusal)
    },
    send: sendRefusal,
  })
  await app.register(formbody, { bodyLimit: maxBodyBytes })
  refuseLateWhileFrozen(app, instance)
  await documentApi(app, config.issuer)
  const api = [
    agentRoutes,
    accountRoutes,
    credentialRoutes,
    expiryRoutes,
    idpKeyringRoutes,
    rootKeyRoutes,
    columnRoutes,
    inventoryRoutes,
    issuanceRoutes,
    deniedRoutes,
    incidentRoutes,
    remedyRoutes,
    partyRoutes,
    auditReadingRoutes,
    webhookRoutes,
  ]
  const { view, requireLease } = instance
  operationRoutes(app, {
    ...{ view, registry: metrics.registry, metricsFrom: config.metricsFrom, requireLease },
    observe: () => observe(instance),
  })
  for (const routes of [publicRoutes, trustRoutes, ...api]) routes(app, instance)
  const oidc = openOidc(instance, log)
  app.addHook('onClose', tellLogouts(instance, oidc, log))
  for (const routes of [tokenRoutes, oidcRoutes, interactionRoutes]) routes(app, instance, oidc)
  registrationRoutes(app, instance, oidc.validate)
  return app
}

/** Paths below /api/v1 also answer without /api, those of the audit without /api/v1 too, and /api/clients with /v1. */
function canonicalUrl(url: string): string {
  if (/^(\/api)?\/v1\/clients\//.test(url)) return url.replace(/^(\/api)?\/v1/, '/api')
  if (url.startsWith('/v1/')) return `/api${url}`
  return /^\/audit([/?]|$)/.test(url) ? `/api/v1${url}` : url
}
