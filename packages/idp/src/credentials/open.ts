import type { InstanceView, Sealer } from '@rekey/database'
import { every, type Recall, recall } from '@rekey/service'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { IdpDatabase } from '../tables.ts'
import { openSecretVault } from '../vault/open.ts'
import { type Client, findClient } from './client.ts'
import { type ClientSecrets, clientSecrets } from './kept.ts'
import { credentialLoop } from './loop.ts'
import { tidyVault } from './tidy.ts'
import { type CredentialUses, credentialUses } from './uses.ts'

const tidyEveryMs = 2_000
/** Clients that are kept in memory: about a kilobyte each. */
const mostClients = 100_000

/** What an instance holds of clients and their credentials, and does for them. */
export interface Credentials {
  /** The clients of the token endpoint, by their ids. */
  clients: Recall<Client>
  /** Which credentials were used, from where. */
  uses: CredentialUses
  /** Where the secrets of clients are. */
  secrets: ClientSecrets
  /**
   * Begins to let go of what was replaced, for as long as the view holds its lease.
   *
   * @returns ends that, when what is under way is done
   */
  begin(view: Pick<InstanceView, 'held'>): () => Promise<void>
  /** Ends when the uses that were noted are written. */
  close(): Promise<void>
}

/**
 * @param db for what requests need
 * @param control for what the instance does by itself
 * @param requireRoom throws while too many requests wait for `db`
 */
export function openCredentials(
  db: IdpDatabase,
  control: IdpDatabase,
  { vault: settings }: Pick<Config, 'vault'>,
  sealer: Sealer,
  requireRoom: () => void,
  log: Logger,
): Credentials {
  const told = (what: string) => (error: unknown) => log.error({ err: error }, what)
  const onVaultError = told('Vault')
  const vault = settings && openSecretVault(settings, { onError: onVaultError })
  const secrets = clientSecrets(vault, sealer, onVaultError)
  const uses = credentialUses(control, told('uses of credentials could not be written'))

  return {
    clients: recall((id) => findClient(db, id, secrets), requireRoom, mostClients),
    uses,
    secrets,
    begin(view) {
      const stops = [credentialLoop(control, view, told('loop of credentials')).stop]
      if (vault) stops.push(every(tidyEveryMs, () => tidyVault(control, vault, secrets), onVaultError))
      return async () => {
        await Promise.all(stops.map((stop) => stop()))
      }
    },
    async close() {
      vault?.close()
      await uses.close()
    },
  }
}
