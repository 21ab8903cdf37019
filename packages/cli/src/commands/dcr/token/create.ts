import { type Command, Option } from 'commander'
import { createInitialAccessToken } from '../../../client/registration/initial-access-tokens.ts'
import { print, type Shell, tell } from '../../../shell.ts'
import { atTime } from '../../../terminal/moment.ts'
import { managementOf, newCommand, wantsJson } from '../../command.ts'
import { clientId, defined, seconds, wholeNumber } from '../../words.ts'

interface CreateOptions {
  expiresIn: number
  maxUsages: number
  profile?: string
  client?: string
}

const dayS = 86_400

/** `rekey dcr token create LABEL`. */
export function createCommand(shell: Shell): Command {
  return newCommand('create', 'make an initial access token and print it, once')
    .argument('<label>', 'what it is for, as lists and the audit show it')
    .addOption(
      new Option('--expires-in <span>', 'how long it is good, for example 1h').argParser(seconds).default(dayS, '24h'),
    )
    .option('--max-usages <number>', 'how many registrations it is good for', wholeNumber, 1)
    .option('--profile <name>', 'the only client profile that it registers by')
    .option('--client <id>', 'the only client that it registers; one that is registered is replaced', clientId)
    .action(async (label: string, options: CreateOptions, command: Command) => {
      const { expiresIn: expires_in, maxUsages: max_usages, profile: client_profile, client: client_id } = options
      const grant = { label, expires_in, max_usages, ...defined({ client_profile, client_id }) }
      const json = await createInitialAccessToken(managementOf(shell), grant)
      print(shell, wantsJson(command), { json, text: json.token })
      const uses = max_usages === 1 ? 'one registration' : `${max_usages} registrations`
      tell(shell, `Good for ${uses}, until it expires ${atTime(json.expires_at, shell.now())}. It is shown only now.`)
    })
}
