/** What every service is told alike. */
import { z } from 'zod'
import { networks } from '../http/proxies.ts'
import type { DatabaseUrls } from '../schema.ts'
import { requirePrivacy } from './privacy.ts'
import { flag } from './values.ts'

/** What an instance of any service is started with. A service extends it by what is its own. */
export interface ServiceConfig extends DatabaseUrls {
  host: string
  port: number
  rootKeySource: string
  /** Where revocations are remembered outside the database. */
  revocationJournal: string | undefined
  /** Where signed checkpoints of the audit are kept outside the database. */
  auditCheckpoints: string | undefined
  /** Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  trustedProxies: readonly string[]
  /** Addresses and networks that may read the metrics, beside this machine itself. */
  metricsFrom: readonly string[]
  /** The file of secrets that are rotated elsewhere, and declared to stand in the inventory. */
  inventoryFile: string | undefined
  logLevel: string
}

/** The variables that say so. @param port where it listens unless it is told otherwise */
export const serviceVariables = (port: number) => ({
  REKEY_HOST: z.string().default('localhost'),
  REKEY_PORT: z.coerce.number().int().min(0).max(65_535).default(port),
  REKEY_ALLOW_PLAINTEXT: flag.default(false),
  DATABASE_URL: z.string(),
  DATABASE_DIRECT_URL: z.string().optional(),
  DATABASE_OWNER_URL: z.string().optional(),
  REKEY_ROOT_KEY: z.string(),
  REKEY_REVOCATION_JOURNAL: z.string().optional(),
  REKEY_AUDIT_CHECKPOINTS: z.string().optional(),
  REKEY_INVENTORY: z.string().optional(),
  REKEY_TRUSTED_PROXIES: networks.default([]),
  REKEY_METRICS_FROM: networks.default([]),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

type Given = z.infer<z.ZodObject<ReturnType<typeof serviceVariables>>>

/** @throws ServiceError `CONFIG_INVALID` where secrets would go anywhere in plaintext */
export function serviceSettingsOf(given: Given): ServiceConfig {
  requirePrivacy(given)
  return {
    host: given.REKEY_HOST,
    port: given.REKEY_PORT,
    databaseUrl: given.DATABASE_URL,
    databaseDirectUrl: given.DATABASE_DIRECT_URL ?? given.DATABASE_URL,
    databaseOwnerUrl: given.DATABASE_OWNER_URL,
    rootKeySource: given.REKEY_ROOT_KEY,
    revocationJournal: given.REKEY_REVOCATION_JOURNAL,
    auditCheckpoints: given.REKEY_AUDIT_CHECKPOINTS,
    trustedProxies: given.REKEY_TRUSTED_PROXIES,
    metricsFrom: given.REKEY_METRICS_FROM,
    inventoryFile: given.REKEY_INVENTORY,
    logLevel: given.LOG_LEVEL,
  }
}
