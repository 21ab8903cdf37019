import type { Command } from 'commander'
import { addKeys, type KeySet, replaceKeys } from '../../../../client/registration/keys.ts'
import type { Shell } from '../../../../shell.ts'
import { managementOf, newCommand, wantsJson } from '../../../command.ts'
import { readPublicJwks } from '../../../credential/public-jwk.ts'
import { clientArgument } from '../../../words.ts'
import { printKeys } from './text.ts'

const ways = [
  { name: 'add', publish: addKeys, description: 'put keys beside those that a client has' },
  { name: 'replace', publish: replaceKeys, description: 'put keys in place of all that a client has' },
] as const

/** `rekey dcr client jwks add | replace CLIENT FILE`: without the client's registration access token. */
export function publishCommands(shell: Shell): Command[] {
  return ways.map(({ name, publish, description }) =>
    newCommand(name, `${description}, on every instance`)
      .addArgument(clientArgument())
      .argument('<file>', 'public keys as JWKS, or one as JWK')
      .action(async (id: string, file: string, _options: object, command: Command) => {
        const set = readPublicJwks(file, shell.folder) as KeySet
        printKeys(shell, wantsJson(command), await publish(managementOf(shell), id, set))
      }),
  )
}
