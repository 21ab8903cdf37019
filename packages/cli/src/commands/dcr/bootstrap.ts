import { type Command, Option } from 'commander'
import { bootstrap, documentOf, summaryOf } from '../../registration/bootstrap.ts'
import { print, type Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'

/** What stands in the environment may be said by an option too: secrets excepted, which everybody on the machine would see. */
const settings = [
  { flags: '--idp <url>', variable: 'IDP_BASE_URL', what: 'base address of the IdP' },
  { flags: '--client-id <id>', variable: 'DCR_CLIENT_ID', what: 'the client_id to register by' },
  { flags: '--client-profile <name>', variable: 'DCR_CLIENT_PROFILE', what: 'client profile of the IdP' },
  { flags: '--signing-key <file>', variable: 'DCR_SIGNING_KEY', what: 'PEM file of the private key' },
  { flags: '--kid <kid>', variable: 'BFF_KID', what: 'kid of the first key, and what those of later ones begin with' },
  { flags: '--key-algorithm <name>', variable: 'DCR_KEY_ALG', what: 'RS256 or ES256, of keys that are made' },
  { flags: '--credentials <file>', variable: 'BFF_CLIENT_CRED_PATH', what: 'where client_id and token are kept' },
  { flags: '--redirect-uris <list>', variable: 'DCR_REDIRECT_URIS', what: 'divided by spaces or commas' },
  {
    flags: '--redirect-update-mode <mode>',
    variable: 'DCR_REDIRECT_UPDATE_MODE',
    what: 'auto, replace, merge or none',
  },
  { flags: '--rotation-safe', variable: 'DCR_ROTATION_SAFE', what: 'never remove a redirect URI' },
  { flags: '--force-replace', variable: 'DCR_FORCE_REPLACE', what: 'register anew, once for each DCR_IAT' },
  { flags: '--rotate-after-days <days>', variable: 'BFF_JWK_ROTATE_AFTER_DAYS', what: 'age of a key that is replaced' },
  { flags: '--retire-after-days <days>', variable: 'BFF_JWK_RETIRE_AFTER_DAYS', what: 'age of a key that is dropped' },
  { flags: '--max-keys <number>', variable: 'BFF_JWK_MAX_KEYS', what: 'most keys that stay published' },
  { flags: '--jwks-uri <url>', variable: 'DCR_JWKS_URI', what: 'where the service itself serves its keys' },
  { flags: '--jwks-file <file>', variable: 'BFF_JWKS_FILE', what: 'the file that is served there' },
  { flags: '--pushgateway <url>', variable: 'PROM_PUSHGATEWAY_URL', what: 'where bff_dcr_status is pushed' },
] as const

/** `rekey dcr bootstrap`: registers a client, or keeps its registration and its key as they have to be. For every start of a service. */
export function bootstrapCommand(shell: Shell): Command {
  const command = newCommand('bootstrap', 'register a service as a client, and rotate its key when that is due')
  for (const { flags, variable, what } of settings) command.addOption(new Option(flags, `${what} (${variable})`))
  return command
    .addHelpText(
      'after',
      [
        '',
        'An option goes before the variable in parentheses. In the environment alone: DCR_IAT, the initial access token for the',
        'first registration; BOOTSTRAP_ADMIN_TOKEN, by which a registration access token that is refused is replaced; both may',
        'lie in files, which DCR_IAT_FILE and BOOTSTRAP_ADMIN_TOKEN_FILE name;',
        'DCR_ENABLED, SKIP_DCR_BOOTSTRAP, and ALLOW_BOOTSTRAP_FAILURE=true, by which a failure is told and ends with 0.',
        'docs/runbooks/client-registration.md says all of it in order.',
      ].join('\n'),
    )
    .action(async (_options, command: Command) => {
      const registered = await bootstrap({ ...shell.env, ...givenIn(command) }, shell)
      print(shell, wantsJson(command), { json: documentOf(registered), text: summaryOf(registered) })
    })
}

function givenIn(command: Command): Record<string, string> {
  const given = command.opts<Record<string, string | true | undefined>>()
  const said = settings.map(({ flags, variable }) => [variable, given[new Option(flags).attributeName()]] as const)
  return Object.fromEntries(
    said.flatMap(([variable, value]) => (value === undefined ? [] : [[variable, String(value)]])),
  )
}
