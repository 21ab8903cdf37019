import type { ClientConfig } from 'pg'
import { DatabaseError } from '../error.ts'
import { types } from './types.ts'

/** How long a connection may take to open. */
const connectTimeoutMs = 5000

/**
 * What every connection of this package is opened with. Refuses a URL that is none, without quoting it: it has a
 * password.
 */
export function clientConfig(url: string, applicationName: string): ClientConfig {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    throw new DatabaseError(
      'INVALID_URL',
      'The database URL must look like postgres://user:password@host:port/database.',
    )
  }
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    types,
  }
}
