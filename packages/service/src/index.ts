/** What every HTTP service of an estate has in common. */

export { isExposed, isLoopback } from '@rekey/secrets'
export { type Audit, type AuditFolders, openAudit } from './audit/open.ts'
export { originOf } from './audit/origin.ts'
export { drainOutboxes } from './audit/outboxes.ts'
export { type AuditReading, auditRoutes } from './audit/read/routes.ts'
export type { Sight } from './audit/read/sight.ts'
export { storable } from './audit/storable.ts'
export { readEnvironment } from './config/environment.ts'
export { type ServiceConfig, serviceSettingsOf, serviceVariables } from './config/service.ts'
export { duration, flag } from './config/values.ts'
export { ServiceError, type ServiceErrorCode } from './error.ts'
export { every } from './every.ts'
export { addressOf, otherAddresses } from './http/address.ts'
export type { App } from './http/app.ts'
export { correlationId } from './http/correlation.ts'
export { type Frame, maxBodyBytes, maxParamLength, newApp, type Refusing } from './http/frame.ts'
export { isNetwork, type Networks, networksOf } from './http/networks.ts'
export { cursorAt, nextCursor, pageOf, pageQuery, positionOf } from './http/page.ts'
export { hasProxyTraces, includesEverybody } from './http/proxies.ts'
export {
  type CommonRefusalCode,
  commonStatuses,
  type Refusal,
  refusalOf,
  retryAfter,
  sendRefusal,
  unforeseen,
} from './http/refusal.ts'
export { lineOf } from './http/text.ts'
export { iso, isoIfSet, isoOrNull, lastMoment, moment, time } from './http/time.ts'
export { type Limit, sourceOf, type Windows, windows } from './http/windows.ts'
export { leaseIn } from './instance/lease.ts'
export { type Renewal, renewalOf } from './instance/renewal.ts'
export { roomIn } from './instance/room.ts'
export { showInstances, shownInstances } from './instance/show.ts'
export { openAuditedView, ownAddressOf, type Roots } from './instance/view.ts'
export { type SecretFacts, type ShownSecret, shownSecret, showSecret } from './inventory/entry.ts'
export { keyringFacts, rootKeyFacts, withDeclared } from './inventory/estate.ts'
export { type DeclaredSecrets, openDeclared } from './inventory/file.ts'
export { inventoryGauges } from './inventory/gauges.ts'
export { type Counted as CountedSecrets, inventoryTotals, totalsOf } from './inventory/totals.ts'
export { givenVariables, serviceVariableUses, type VariableUses, variableFacts } from './inventory/variables.ts'
export { appendToJournal, journalFailed, readJournal } from './journal/lines.ts'
export { liveInstances } from './keyrings/evidence.ts'
export { type Forgotten, RevocationJournal } from './keyrings/journal.ts'
export {
  type Hand,
  replaceVersion,
  revokeForgotten,
  revokeVersion,
  type Unwanted,
} from './keyrings/revoke.ts'
export { type Administered, type Asked, type KeyringAdministration, keyringRoutes } from './keyrings/routes.ts'
export { shownKeyring } from './keyrings/schema.ts'
export { type ShownKeyring, showKeyring } from './keyrings/show.ts'
export { type Opened, openParts } from './open-parts.ts'
export { type Counted, countedGauge } from './operations/counted.ts'
export { type CommonMetrics, commonMetrics, type Observed, observeCommon } from './operations/metrics.ts'
export { type Operated, operationRoutes } from './operations/routes.ts'
export { type Waits, waitsNoted } from './operations/waits.ts'
export { type Running, runProcess } from './process.ts'
export { type Recall, recall } from './recall.ts'
export { type Hanging, sealedUnder } from './root-keys/hanging.ts'
export { mostSealedAnew, sealRowsAnew } from './root-keys/seal-anew.ts'
export { showRootKeys } from './root-keys/show.ts'
export { type RootKeys, settleRootKeys, shownRootKeys, watchRootKeys } from './root-keys/watch.ts'
export { type DatabaseUrls, ensureSchema } from './schema.ts'
export { type Connections, serve } from './serve.ts'
export { transact } from './transact.ts'
export { type Turns, turns } from './turns.ts'
export { mistakesOf } from './yaml/issues.ts'
export { readYaml } from './yaml/read.ts'
