import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import { idpEntry } from '../estate/entry.ts'

/** `rekey idp`: the authorization server alone, in this process, configured by its environment. */
export function idpCommand(): Command {
  return new Command('idp')
    .description(
      'run the authorization server in this process (DATABASE_URL, REKEY_ISSUER, REKEY_PORT, REKEY_ROOT_KEY)',
    )
    .action(async () => {
      await import(pathToFileURL(idpEntry()).href)
    })
}
