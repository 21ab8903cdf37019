import type { Connections, Opened, Roots } from '@rekey/service'
import type { Logger } from 'pino'
import type { ColumnSources } from '../columns/sources.ts'
import type { Config } from '../config.ts'
import type { IdpTables } from '../tables.ts'

/** What each part of an instance is opened with. */
export interface Opening {
  config: Config
  connections: Connections<IdpTables>
  roots: Roots
  sources: ColumnSources
  /** Notes what is to be closed: the last one first. */
  opened: Opened
  log: Logger
}
