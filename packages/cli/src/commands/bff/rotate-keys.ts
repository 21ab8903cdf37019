import type { Command } from 'commander'
import { act } from '../../client/keyrings.ts'
import { requireTold, rotateKeysHere, summaryOf } from '../../registration/rotate-keys.ts'
import { clientKeyText } from '../../rotation/client-key.ts'
import { print, type Shell } from '../../shell.ts'
import { bffOption, managementOf, newCommand, towards, wantsJson } from '../command.ts'

const keyring = 'bff-client'

/** `rekey bff rotate-keys`: another key for private_key_jwt, in the folder of BFF_KEYS_DIR or at the estate's backend. */
export function rotateKeysCommand(shell: Shell): Command {
  return newCommand('rotate-keys', 'replace the key that the backend for frontend authenticates by (private_key_jwt)')
    .addOption(bffOption())
    .addHelpText(
      'after',
      [
        '',
        'With BFF_KEYS_DIR the key in that folder is replaced here, and the identity provider is told (IDP_DCR_URL and',
        'DCR_ACCESS_TOKEN, or the stored registration); every instance that uses the folder goes over by itself.',
        'Exit 1: it was told and did not take the key, which is published then and not used.',
        'Without it the estate’s backend is asked to: the same as "rekey rotate bff-client".',
      ].join('\n'),
    )
    .action(async ({ bff }: { bff?: string }, command: Command) => {
      if (shell.env.BFF_KEYS_DIR) {
        const json = await rotateKeysHere(shell)
        requireTold(json)
        print(shell, wantsJson(command), { json, text: summaryOf(json) })
        return
      }
      const json = await act(managementOf(towards(bff, shell)), keyring, 'rotate')
      print(shell, wantsJson(command), { json, text: clientKeyText(json) })
    })
}
